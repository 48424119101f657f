"""`sequence:` with `within:` and `until:` in an alarm."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from streamwatchd.fields import IDENTIFIER
from streamwatchd.lang import fold, syntax
from streamwatchd.lang.names import Free, resolve, undeclared
from streamwatchd.lang.typed import BOOL, Expr, Field, Kind, Literal, TableColumn, rebuilt
from streamwatchd.rules import codes
from streamwatchd.rules.building import Work
from streamwatchd.rules.document import Mapping, Scalar
from streamwatchd.rules.document import Sequence as Items
from streamwatchd.rules.expressions import Language, parsed, placed
from streamwatchd.rules.ruleset import Level, Sequence
from streamwatchd.rules.streams import Place, Stream, rows, with_constants

MOST_STEPS = 32
_NAMED = re.compile(rf"({IDENTIFIER}):\s+(\S.*)")
_NOT_WITH = (*("when", "levels", "keep_firing_for", "no_data", "expect", "limit", "max_active", "every", "in_order"),)


def has_sequence(work: Work) -> bool:
    return "sequence" in work.draft.body


def build_sequence(work: Work, place: Place) -> Sequence | None:
    """What `sequence:` says; None with a finding."""
    body, findings = work.draft.body, work.findings
    for name in _NOT_WITH:
        if name in body:
            message = f"`{name}` has no meaning in an alarm with `sequence`"
            findings.add(codes.EXCLUSIVE_FIELDS, message, body.key(name), hint="take it out")
    if work.draft.windowed:
        message = "`values` of an alarm with `sequence` are of the event that completes it, without aggregates"
        findings.add(codes.EXCLUSIVE_FIELDS, message, body.key("sequence"), hint="make a KPI of them")
    if not body.scalars("by"):
        findings.add(
            codes.MISSING_FIELD, "`sequence` needs `by:`", body.key("sequence"), hint="say whose events they are"
        )
    if len(work.inputs) > 1:
        message = "`sequence` reads events, and not joined rows"
        hint = 'name one source, and others in their steps: `deploys: event == "finished"`'
        findings.add(codes.EXCLUSIVE_FIELDS, message, body.key("sequence"), hint=hint)
    within_ms = body.duration("within") if "within" in body else 0
    if not within_ms:
        findings.add(codes.MISSING_FIELD, "`sequence` needs `within:`", body.key("sequence"), hint="add `within: 10m`")
    found = _steps(work, place)
    steps, never = [step.expr for step in found if not step.never], next((s.expr for s in found if s.never), None)
    until = body.scalar("until")
    ends = work.language.expression(until, place, Kind.BOOL) if until is not None else None
    least = 1 if never is not None else 2
    if not findings.has_errors and not least <= len(steps) <= MOST_STEPS:
        message = (
            f"a sequence has 2 to {MOST_STEPS} steps" if len(steps) else "a sequence needs an event that must happen"
        )
        findings.add(codes.OUT_OF_RANGE, message, body.key("sequence"), hint="write `when:` for a single event")
    keys = tuple((stream.name, tuple(_keys_of(work, stream))) for stream in work.beside)
    of = tuple(step.source for step in found) if work.beside else ()
    return None if findings.has_errors else Sequence(tuple(steps), never, ends, within_ms, of, keys)


@dataclass(frozen=True, slots=True)
class _Step:
    """`never`: it is what must not happen."""

    expr: Expr
    source: str
    never: bool


def _steps(work: Work, place: Place) -> list[_Step]:
    """What must happen in turn, and what then must not."""
    node = work.draft.body.values.get("sequence")
    items = node.items if isinstance(node, Items) else ()
    found = []
    for number, item in enumerate(items):
        own = work.inputs[0].name
        for source, scalar in item.entries if isinstance(item, Mapping) else ((None, item),):
            if not isinstance(scalar, Scalar) or (source is None and _is_quoted_mapping(work, scalar)):
                continue
            name = own if source is None else source.text
            expr = _elsewhere(work, name, scalar) if name != own else work.language.expression(scalar, place, Kind.BOOL)
            never = number == len(items) - 1 and isinstance(parsed(scalar.text), syntax.Not)
            if expr is not None:
                found.append(_Step(fold.negation(expr) if never else expr, name, never))
        if isinstance(item, Mapping) and len(item.entries) > 1:
            message = "a step is one event, of one source"
            work.findings.add(codes.EXCLUSIVE_FIELDS, message, item.span, hint="write a step for each, in order")
    return found


def _is_quoted_mapping(work: Work, scalar: Scalar) -> bool:
    """`'deploys: event == "finished"'`, whose quotes make one text of it; reported."""
    found = _NAMED.fullmatch(scalar.text) if scalar.style in ("'", '"') else None
    if found is None:
        return False
    source, condition = found.groups()
    message = f"the quotes make one text of `{source}:` and its condition"
    hint = f"leave them out: `- {source}: {condition}`, in one line `{{{source}: {_quoted(condition)}}}`"
    work.findings.add(codes.WRONG_TYPE, message, scalar.span, hint=hint)
    return True


def _quoted(text: str) -> str:
    """As a value of a flow mapping, where a comma would end it."""
    return f"'{text}'" if "," in text and "'" not in text else text


def _elsewhere(work: Work, name: str, scalar: Scalar) -> Expr | None:
    """A condition on events of another source, or on rows of another KPI; its fields name it."""
    stream = next(stream for stream in work.beside if stream.name == name)
    language = Language(work.findings)
    place = with_constants(rows((stream,)), work.constants)
    expr = language.expression(scalar, place, Kind.BOOL)
    for field, (kind, where) in language.infers.items():
        work.language.uses(f"{name}.{field}", kind, where)
    return None if expr is None else rebuilt(expr, lambda node: _named(node, name))


def _named(node: Expr, stream: str) -> Expr | None:
    return replace(node, stream=stream) if isinstance(node, Field) else None


def _keys_of(work: Work, stream: Stream) -> Iterator[Expr]:
    """Where its events have the keys of the rule: under the same names."""
    for scalar, key in zip(work.draft.body.scalars("by"), work.keys, strict=False):
        meaning = resolve(scalar.text, rows((stream,)).scope)
        if isinstance(meaning, Free):
            name = syntax.Name(scalar.text, start=0, end=len(scalar.text))
            doubt = undeclared(name, meaning, rows((stream,)).scope)
            work.findings.problems += [] if doubt is None else [placed(doubt, scalar, work.findings)]
            work.language.uses(f"{stream.name}.{meaning.field}", key.expr.type.kind, scalar)
            meaning = Field(meaning.field, key.expr.type)
        if isinstance(meaning, Field | TableColumn) and meaning.type.kind is key.expr.type.kind:
            yield meaning
            continue
        what = "is another kind of value" if isinstance(meaning, Field | TableColumn) else "is not a field"
        message = f"`{scalar.text}` {what} in `{stream.name}`, so its events have no key of this rule"
        hint = f"declare it under `fields:` of `{stream.name}`, or rename the field where the events are made"
        work.findings.add(codes.UNKNOWN_KEY, message, scalar.span, hint=hint)


def level_of(work: Work) -> tuple[Level, ...]:
    """The severity, as levels say it."""
    return (Level(work.draft.body.text("severity", "warning"), Literal(True, BOOL)),)
