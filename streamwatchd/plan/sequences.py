"""Lowering of sequences: one source's rows as they are, several sources' in one form that says what a row meets."""

from __future__ import annotations

from dataclasses import dataclass, replace

from streamwatchd.lang.fold import disjunction
from streamwatchd.lang.typed import BOOL, NUMBER, Expr, Field, Literal, conjunction, conjuncts, rebuilt
from streamwatchd.operators.spec import KeyColumn, SequenceSpec
from streamwatchd.plan.builder import Builder, Home, expressions, row_fields
from streamwatchd.rules.ruleset import Alarm

_NO = Literal(False, BOOL)
_SOURCE = Field("source number", NUMBER)


@dataclass(frozen=True, slots=True)
class Merged:
    """Rows of several sources on their way to one rule: they arrive as `streams`, keys in columns of their own.

    `tie_breakers` order rows of one instant: by source, as the rule names them, then by what they meet and say.
    """

    streams: tuple[str, ...]
    keys: tuple[KeyColumn, ...]
    sequence: SequenceSpec
    tie_breakers: tuple[Expr, ...]


def spec_of(rule: Alarm) -> SequenceSpec | None:
    """Of a rule on one source."""
    known = rule.sequence
    return None if known is None else SequenceSpec(known.steps, known.never, known.until, known.within_ms)


def travelling(rule: Alarm, where: Expr | None) -> Expr | None:
    """Of a sequence, only rows that are part of one travel."""
    if rule.sequence is None:
        return where
    parts = (*rule.sequence.steps, rule.sequence.never, rule.sequence.until)
    some = disjunction(tuple(part for part in parts if part is not None))
    return conjunction((*conjuncts(where), some))


def merge(builder: Builder, rule: Alarm, home: Home) -> Merged:
    """Let the rows of all its sources travel to a rule, as far as they are part of a sequence."""
    assert rule.sequence is not None
    known = rule.sequence
    conditions = _conditions(rule)
    streams = tuple(
        builder.feed(home, source, _where(rule, source, conditions), _columns(rule, source, conditions), _route(rule))
        for source in rule.sources
    )
    flags = tuple(Field(name, BOOL) for name in conditions)
    spec = SequenceSpec(
        flags[: len(known.steps)],
        None if known.never is None else Field("never", BOOL),
        None if known.until is None else Field("until", BOOL),
        known.within_ms,
        streams[1:],
    )
    keys = tuple(
        KeyColumn(key.name, Field(f"by {key.name}", key.expr.type), key.expr.type.kind.value) for key in rule.by
    )
    return Merged(streams, keys, spec, (_SOURCE, *flags, *_said(rule)))


def _conditions(rule: Alarm) -> dict[str, tuple[str, Expr]]:
    """By the name of the column that says whether a row meets it: the source whose rows can, and the condition."""
    known, own = rule.sequence, rule.sources[0]
    assert known is not None
    found = {f"step {number}": (known.of[number], step) for number, step in enumerate(known.steps)}
    if known.never is not None:
        found["never"] = (known.of[-1], known.never)
    if known.until is not None:
        found["until"] = (own, known.until)
    return {name: (source, rebuilt(expr, _plain)) for name, (source, expr) in found.items()}


def _plain(node: Expr) -> Expr | None:
    """A field as a row of its own source has it."""
    return replace(node, stream="") if isinstance(node, Field) else None


def _where(rule: Alarm, source: str, conditions: dict[str, tuple[str, Expr]]) -> Expr | None:
    some = disjunction(tuple(expr for of, expr in conditions.values() if of == source))
    return conjunction((*(conjuncts(rule.where) if source == rule.sources[0] else ()), some))


def _said(rule: Alarm) -> tuple[Field, ...]:
    """What values, message and context read of the rows of its own source."""
    own = [expr for expr in expressions(rule) if not any(expr is each for each in _all_conditions(rule))]
    return row_fields((*own, *rule.context))


def _all_conditions(rule: Alarm) -> tuple[Expr | None, ...]:
    known = rule.sequence
    return () if known is None else (*known.steps, known.never, known.until)


def _columns(rule: Alarm, source: str, conditions: dict[str, tuple[str, Expr]]) -> tuple[KeyColumn, ...]:
    own = source == rule.sources[0]
    keys = tuple(key.expr for key in rule.by) if own else dict(rule.sequence.keys if rule.sequence else ())[source]
    named = {key.name: expr for key, expr in zip(rule.by, keys, strict=True)}
    columns = [KeyColumn("source number", Literal(float(rule.sources.index(source)), NUMBER), "number")]
    for field in _said(rule):
        there = field if own else named.get(field.name, Literal(None, field.type))
        columns.append(KeyColumn(field.name, there, field.type.kind.value))
    columns += [KeyColumn(f"by {name}", expr, expr.type.kind.value) for name, expr in named.items()]
    columns += [KeyColumn(name, expr if of == source else _NO, "bool") for name, (of, expr) in conditions.items()]
    return tuple(columns)


def _route(rule: Alarm) -> tuple[str, ...]:
    return tuple(f"by {key.name}" for key in rule.by)
