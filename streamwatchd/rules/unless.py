"""`unless:` and `pause:` in a rule: `firing(rule)`, joined on keys and table columns, and `during(calendar)`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import fields, replace

from streamwatchd.diagnostics import did_you_mean
from streamwatchd.lang import syntax
from streamwatchd.lang.checker import check
from streamwatchd.lang.problem import Problem
from streamwatchd.lang.scope import Scope
from streamwatchd.lang.typed import During, Expr, Firing, Key, Kind, TableColumn
from streamwatchd.rules import codes
from streamwatchd.rules.building import Work
from streamwatchd.rules.document import Scalar
from streamwatchd.rules.drafts import RuleDraft
from streamwatchd.rules.expressions import FUNCTIONS, parsed, placed
from streamwatchd.rules.streams import Place

FIRING, DURING = "firing", "during"


def named_in_unless(draft: RuleDraft, function: str) -> tuple[str, ...]:
    """The alarms (`firing`) or calendars (`during`) that a rule names, in `pause:` too."""
    scalars = [draft.body.scalar(name) for name in ("unless", "pause")] if draft.kind != "kpi" else []
    trees = [parsed(scalar.text) for scalar in scalars if scalar is not None]
    calls = [call for tree in trees if not isinstance(tree, Problem) for call in _calls(tree, function)]
    return tuple(dict.fromkeys(call.args[0].name for call in calls))  # type: ignore[union-attr]


def _calls(tree: syntax.Expr, function: str) -> Iterator[syntax.Call]:
    for node in syntax.walk(tree):
        if isinstance(node, syntax.Call) and node.function.lower() == function and _is_plain(node):
            yield node


def _is_plain(call: syntax.Call) -> bool:
    return len(call.args) == 1 and isinstance(call.args[0], syntax.Name) and not call.has_clauses


def build_unless(work: Work, place: Place) -> Expr | None:
    """What `unless:` says; None without one, or with a finding.

    It reads what the rule's conditions read, where these are judged on windows; else, as on scored rows, what is known
    of a key alone.
    """
    scalar = work.draft.body.scalar("unless")
    if scalar is None:
        return None
    scope = (place if work.draft.windowed and work.draft.kind == "alarm" else work.judgement).scope
    found, names = _checked(work, scalar, scope, (FIRING, DURING))
    if found is not None and not names:
        hint = "write `firing(other_rule)` or `during(calendar)`; what is true of the key itself belongs to `where:`"
        work.findings.add(codes.BAD_UNLESS, "`unless` names no alarm and no calendar", scalar.span, hint=hint)
    return found


def calendars_in(work: Work, scalar: Scalar) -> Expr | None:
    """A condition that may name calendars; None with a finding."""
    return _checked(work, scalar, work.judgement.scope, (DURING,))[0]


def _checked(
    work: Work, scalar: Scalar, scope: Scope, functions: tuple[str, ...]
) -> tuple[Expr | None, Mapping[str, Expr]]:
    """The condition, None with a finding, and what it names."""
    tree = parsed(scalar.text)
    if isinstance(tree, Problem):
        work.findings.problems.append(placed(tree, scalar, work.findings))
        return None, {}
    names: dict[str, Expr] = {}
    sound = True
    for call in [call for function in functions for call in _calls(tree, function)]:
        leaf = (_firing if call.function.lower() == FIRING else _during)(work, scalar, call, scope)
        sound &= leaf is not None
        if leaf is not None:
            names[_placeholder(call)] = leaf
    if not sound:
        return None, names
    scope = replace(scope, row=None, names={**scope.names, **names})
    outcome = check(_with_placeholders(tree), scope, Kind.BOOL, FUNCTIONS)
    for problem in outcome.problems:
        work.findings.problems.append(placed(problem, scalar, work.findings))
    return outcome.expr, names


def _placeholder(call: syntax.Call) -> str:
    """No name can have a space, so nothing else is meant by it."""
    (argument,) = call.args
    assert isinstance(argument, syntax.Name)
    return f"{call.function.lower()} {argument.name}"


def _with_placeholders(node: syntax.Expr) -> syntax.Expr:
    """`firing(x)` and `during(x)` as names, which the scope knows."""
    if isinstance(node, syntax.Call) and node.function.lower() in (FIRING, DURING) and _is_plain(node):
        return syntax.Name(_placeholder(node), True, start=node.start, end=node.end)
    changes: dict[str, object] = {}
    for field in fields(node):
        value = getattr(node, field.name)
        if isinstance(value, syntax.Node):
            changes[field.name] = _with_placeholders(value)  # type: ignore[arg-type]
        elif isinstance(value, tuple) and value and all(isinstance(part, syntax.Node) for part in value):
            changes[field.name] = tuple(_with_placeholders(part) for part in value)
    return replace(node, **changes) if changes else node  # type: ignore[arg-type]


def _say(work: Work, scalar: Scalar, call: syntax.Call, message: str, hint: str) -> None:
    span = work.findings.document.within(scalar, call.start, call.end)
    work.findings.add(codes.BAD_UNLESS, message, span, hint=hint)


def _firing(work: Work, scalar: Scalar, call: syntax.Call, scope: Scope) -> Firing | None:
    name = _placeholder(call).partition(" ")[2]
    other = next((each for each in work.aside.others if each.name == name), None)
    if other is None:
        return None  # has been said
    if other.fault:
        _say(work, scalar, call, other.fault, "name an alarm that is judged on windows or in order of time")
        return None
    here = {key: meaning for key, meaning in scope.names.items() if isinstance(meaning, Key | TableColumn)}
    on = tuple((key, here[key]) for key, _ in other.keys if key in here)
    if other.keys and not on:
        theirs, mine = _listed(key for key, _ in other.keys), _listed(key for key in here if "." not in key)
        hint = f"give a table of the key a column {theirs}, or a key; here are {mine or 'no keys'}"
        _say(work, scalar, call, f"`{name}` has the keys {theirs}, and nothing here has such a name", hint)
        return None
    kinds = dict(other.keys)
    for key, expr in on:
        if expr.type.kind is not kinds[key].kind:
            message = f"`{key}` is {expr.type.kind.value} here, and {kinds[key].kind.value} in `{name}`"
            _say(work, scalar, call, message, "give both one type")
            return None
    return Firing(name, tuple(key for key, _ in other.keys), on)


def _during(work: Work, scalar: Scalar, call: syntax.Call, scope: Scope) -> During | None:
    name = _placeholder(call).partition(" ")[2]
    if name in work.aside.calendars:
        return During(name)
    known = work.aside.calendars
    hint = did_you_mean(name, known) or "add it to the folder of calendars, as a YAML or iCalendar file"
    _say(work, scalar, call, f"there is no calendar `{name}`", hint)
    return None


def _listed(names: Iterator[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)
