"""Rules that show the inside of a rule: what its conditions and their parts are at an instant, judged by the engine.

Nothing here computes a value. Each x-ray is an alarm with the same stream, keys, filter and windows as the rule, whose
`values` are the parts of its conditions; it goes through plan and engine like any other, beside the rule itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

from streamwatchd.lang.typed import (
    Aggregate,
    And,
    Arithmetic,
    Call,
    Compare,
    Expr,
    Kind,
    Literal,
    Negate,
    Not,
    Or,
    Time,
    Type,
    Value,
    children,
    conjunction,
)
from streamwatchd.plan.describe import describe
from streamwatchd.rules.ruleset import Alarm, Level, NamedValue, NoData, Rule, RuleSet, reads

XRAY = " x-ray"
"""What follows the name of a rule in that of its x-rays; no name has a space."""
_MANY = 1_000_000

_ALWAYS = Level("info", Compare(">=", Time(), Literal(0.0, Type(Kind.NUMBER, "ms"))))


@dataclass(frozen=True, slots=True)
class Part:
    """A line of a condition tree: how deep it stands, its text, and the name of the value that shows it."""

    depth: int
    text: str
    value: str
    type: Type


@dataclass(frozen=True, slots=True)
class LevelParts:
    """The trees of a level's two conditions, and the alarms that are up exactly while these are true."""

    level: Level
    when: tuple[Part, ...]
    until: tuple[Part, ...]
    while_when: str
    while_until: str


@dataclass(frozen=True, slots=True)
class XRay:
    """`rules` holds the rule, what it reads, and its x-rays; `snapshot` names the alarm that shows the parts, `known`
    the one that is up from the key's first judgement on, its windows full or not."""

    rules: RuleSet
    snapshot: str
    known: str
    levels: tuple[LevelParts, ...]


def xray(rules: RuleSet, rule: Alarm, key: dict[str, object], at_ms: int) -> XRay:
    """Of an alarm at its judgement T = `at_ms`; one that is judged on rows shows the last row of `key` up to then."""
    parts = _Parts(rule)
    levels = tuple(_level(rule, number, level, parts) for number, level in enumerate(rule.levels))
    values = (*rule.values, *(NamedValue(name, expr) for name, expr in parts.exprs.items()))
    snapshot = _snapshot(rule, values, key, at_ms)
    known = snapshot if rule.windowless else replace(snapshot, name=f"{snapshot.name} known", levels=(_ALWAYS,))
    shown = [snapshot] if rule.windowless else [snapshot, known]
    beside = [*shown, *(alarm for each in levels for alarm in _whiles(rule, each))]
    wanted = _with_what_it_reads(rule, rules)
    return XRay(replace(rules, rules=(*wanted, *beside)), snapshot.name, known.name, levels)


def lines(
    expr: Expr, named: Mapping[str, Expr], depth: int = 0, say: Callable[[Expr], str] = describe
) -> Iterator[tuple[int, str, Expr]]:
    """The expression and what it is made of, down to aggregates and fields, as (depth, text, expression).

    Constants are not shown; of `named` values the name and what it stands for.
    """
    if isinstance(expr, Literal):
        return
    if isinstance(expr, Value) and expr.name in named:
        inner = named[expr.name]
        yield depth, f"{expr.name} = {say(inner)}", expr
        expr = inner
        if isinstance(inner, Aggregate):
            return
    else:
        yield depth, say(expr), expr
    if isinstance(expr, And | Or | Not | Compare | Arithmetic | Call | Negate) or (
        expr.type.kind is Kind.BOOL and not isinstance(expr, Aggregate)
    ):
        for child in children(expr):
            yield from lines(child, named, depth + 1, say)


class _Parts:
    """Names for parts: those of the rule's values, and new ones."""

    def __init__(self, rule: Rule) -> None:
        self._named = {value.name: value.expr for value in rule.values}
        self.exprs: dict[str, Expr] = {}

    def tree(self, expr: Expr) -> Iterator[Part]:
        for depth, text, each in lines(expr, self._named):
            is_named = isinstance(each, Value) and each.name in self._named
            yield Part(depth, text, each.name if is_named else self._name(each), each.type)  # type: ignore[union-attr]

    def _name(self, expr: Expr) -> str:
        known = next((name for name, each in self.exprs.items() if each == expr), None)
        if known is None:
            known = f"part_{len(self.exprs) + 1}"
            self.exprs[known] = expr
        return known


def _level(rule: Alarm, number: int, level: Level, parts: _Parts) -> LevelParts:
    until = tuple(parts.tree(level.until)) if level.until is not None else ()
    name = f"{rule.name}{XRAY} {number}"
    return LevelParts(level, tuple(parts.tree(level.when)), until, f"{name} when", f"{name} until" if until else "")


def _whiles(rule: Alarm, each: LevelParts) -> Iterator[Alarm]:
    """Only where the rule keeps a state: an occurrence has no stretch of time."""
    if rule.is_endless:
        return
    for name, expr in ((each.while_when, each.level.when), (each.while_until, each.level.until)):
        if expr is not None and name:
            levels = (Level(each.level.severity, expr),)
            plain = replace(rule, no_data=NoData(), message=None, unless=None, flapping=None, pause=None)
            yield replace(plain, name=name, levels=levels, max_active=_MANY)


def _snapshot(rule: Alarm, values: tuple[NamedValue, ...], key: dict[str, object], at_ms: int) -> Alarm:
    common = replace(
        rule,
        name=f"{rule.name}{XRAY}",
        values=values,
        message=None,
        no_data=NoData(),
        max_active=_MANY,
        limit_per_minute=0,
        amend=False,
        unless=None,
        flapping=None,
        pause=None,
    )
    if not rule.windowless:
        after = Compare(">=", Time(), Literal(float(at_ms), Type(Kind.NUMBER, "ms")))
        return replace(common, levels=(Level("info", after),), partial=True, min_history_ms=None)
    of_key = [_equals(each.expr, key[each.name]) for each in rule.by if each.name in key]
    where = conjunction(tuple(each for each in (rule.where, *of_key) if each is not None))
    return replace(
        common,
        by=(),
        where=where,
        levels=(_ALWAYS,),
        in_order=False,
        is_state=False,
    )


def _equals(expr: Expr, value: object) -> Expr:
    if isinstance(value, bool):
        return expr if value else Not(expr)
    if isinstance(value, int | float):
        return Compare("==", expr, Literal(float(value), expr.type))
    return Compare("==", expr, Literal(str(value), expr.type))


def _with_what_it_reads(rule: Rule, rules: RuleSet) -> tuple[Rule, ...]:
    """The rule and, over several steps, the rules that it reads."""
    wanted, pending = {rule.name}, [rule]
    by_name = {each.name: each for each in rules.rules}
    while pending:
        for name in reads(pending.pop()):
            if name in by_name and name not in wanted:
                wanted.add(name)
                pending.append(by_name[name])
    return tuple(each for each in rules.rules if each.name in wanted)


# one record


@dataclass(frozen=True, slots=True)
class Readers:
    """X-rays of all rules on a source, for a single record: what `where` is, and the columns that it brings."""

    rules: RuleSet
    shown: dict[str, tuple[tuple[str, Expr], ...]]
    """X-ray → (what is shown, its expression); the values are named v0, v1, …"""


def readers(rules: RuleSet, source: str) -> Readers:
    """An occurrence a rule: of a record that the source keeps, each says what the rule makes of it."""
    found: list[Rule] = []
    shown = {}
    for rule in rules.rules:
        if rule.sources != (source,):
            continue
        exprs: list[tuple[str, Expr]] = [(key.name, key.expr) for key in rule.by]
        if rule.where is not None:
            exprs.append(("where", rule.where))
        if isinstance(rule, Alarm) and rule.sequence is not None:
            exprs += [(f"step {number}", step) for number, step in enumerate(rule.sequence.steps, 1)]
        elif isinstance(rule, Alarm) and rule.windowless:
            exprs += [(level.severity, _inlined(rule, level.when)) for level in rule.levels]
        exprs += [(describe(expr), expr) for expr in rule.context]
        name = f"{rule.name}{XRAY}"
        shown[name] = tuple(exprs)
        values = tuple(NamedValue(f"v{number}", expr) for number, (_, expr) in enumerate(exprs))
        found.append(_occurrence(rule, name, values))
    return Readers(replace(rules, rules=tuple(found)), shown)


def _inlined(rule: Rule, expr: Expr) -> Expr:
    named = {value.name: value.expr for value in rule.values}
    while isinstance(expr, Value) and expr.name in named:
        expr = named[expr.name]
    return expr


def _occurrence(rule: Rule, name: str, values: tuple[NamedValue, ...]) -> Alarm:
    always = Compare(">=", Time(), Literal(0.0, Type(Kind.NUMBER, "ms")))
    own = rule.values if isinstance(rule, Alarm) and rule.windowless else ()
    return Alarm(
        name=name,
        sources=rule.sources,
        by=(),
        where=None,
        every_ms=0,
        values=(*own, *values),
        context=(),
        labels={},
        max_keys=rule.max_keys,
        forget_ms=rule.forget_ms,
        span=rule.span,
        digest=rule.digest,
        levels=(Level("info", always),),
        windowless=True,
        max_active=_MANY,
    )
