"""The typed tree: what an expression means, once names are resolved and units converted.

Nodes are frozen and compared by value and carry no places, so two expressions that mean the same are equal and share
their work. Literals are already in the unit of what they are compared with; evaluation knows nothing of units.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields, replace
from enum import StrEnum
from typing import Literal as OneOf


class Kind(StrEnum):
    NUMBER = "number"
    STRING = "string"
    BOOL = "bool"


@dataclass(frozen=True, slots=True)
class Type:
    """`unit` is the canonical unit name of lang/units.py ("percent", "ratio", "ms", "bytes", …) or empty."""

    kind: Kind
    unit: str = ""


NUMBER = Type(Kind.NUMBER)
STRING = Type(Kind.STRING)
BOOL = Type(Kind.BOOL)


@dataclass(frozen=True, slots=True)
class Literal:
    value: float | str | bool | None
    type: Type


@dataclass(frozen=True, slots=True)
class Field:
    """A field of the event, or a column of a KPI's row. `stream` names the source where a rule has several."""

    name: str
    type: Type
    stream: str = ""


@dataclass(frozen=True, slots=True)
class TableColumn:
    """Column `column` of dimension table `table`, joined on the field (or key) `on`, or on another table's column."""

    table: str
    column: str
    on: str | TableColumn
    type: Type


def first_on(on: str | TableColumn) -> str:
    """The field (or key) that a join begins with."""
    return on if isinstance(on, str) else first_on(on.on)


@dataclass(frozen=True, slots=True)
class Key:
    """A key of the rule (`by`), where judgements read it."""

    name: str
    type: Type


@dataclass(frozen=True, slots=True)
class Value:
    """An entry of the rule's `values:`."""

    name: str
    type: Type


@dataclass(frozen=True, slots=True)
class Time:
    """The word `time`: the event time in ms on rows, the judgement time T in rules with aggregates."""

    type: Type = Type(Kind.NUMBER, "ms")


@dataclass(frozen=True, slots=True)
class Firing:
    """Whether an alarm of `rule`, whose keys are `keys`, is up: `on` are (key of that rule, what it is here)."""

    rule: str
    keys: tuple[str, ...]
    on: tuple[tuple[str, Expr], ...]
    type: Type = BOOL


@dataclass(frozen=True, slots=True)
class During:
    """Whether the judged instant lies in a calendar."""

    calendar: str
    type: Type = BOOL


@dataclass(frozen=True, slots=True)
class Negate:
    arg: Expr
    type: Type


@dataclass(frozen=True, slots=True)
class Arithmetic:
    op: OneOf["+", "-", "*", "/", "%"]
    left: Expr
    right: Expr
    type: Type


@dataclass(frozen=True, slots=True)
class Compare:
    """Both sides have one kind and one unit; null on either side gives null."""

    op: OneOf["==", "!=", "<", "<=", ">", ">="]
    left: Expr
    right: Expr
    type: Type = BOOL


@dataclass(frozen=True, slots=True)
class And:
    args: tuple[Expr, ...]
    type: Type = BOOL


@dataclass(frozen=True, slots=True)
class Or:
    args: tuple[Expr, ...]
    type: Type = BOOL


@dataclass(frozen=True, slots=True)
class Not:
    arg: Expr
    type: Type = BOOL


@dataclass(frozen=True, slots=True)
class In:
    arg: Expr
    choices: tuple[Literal, ...]
    type: Type = BOOL


@dataclass(frozen=True, slots=True)
class Match:
    """`arg ~ "pattern"`: the regular expression is found anywhere in the string."""

    arg: Expr
    pattern: str
    type: Type = BOOL


@dataclass(frozen=True, slots=True)
class IsNull:
    arg: Expr
    type: Type = BOOL


@dataclass(frozen=True, slots=True)
class Call:
    """A scalar function of the shelf `functions/`."""

    function: str
    args: tuple[Expr, ...]
    type: Type


@dataclass(frozen=True, slots=True)
class Aggregate:
    """`fn(arg where C over D ago D by k)`.

    `over_ms` None means the rule's own window (KPI), `by` None the rule's keys. Percentiles have function "quantile"
    and `quantile` in (0, 1). `arg` is None only for `count()`.
    """

    function: str
    arg: Expr | None
    where: Expr | None
    over_ms: int | None
    ago_ms: int
    by: tuple[str, ...] | None
    type: Type
    quantile: float | None = None


@dataclass(frozen=True, slots=True)
class Stepwise(Aggregate):
    """An aggregate of steps from each sample of a series to the next: `rate`, `increase`, `changes`.

    Rows of a key that agree in `series` are one series; none: all of them. A sample more than `gap_ms` after the one
    before it begins anew. A counter of so many `bits` wraps; 0: never.
    """

    series: tuple[Expr, ...] = ()
    gap_ms: int = 0
    bits: int = 0


@dataclass(frozen=True, slots=True)
class Ahead(Aggregate):
    """`predict(x over 1h in 4h)`: `ahead_ms` after the end of the window."""

    ahead_ms: int = 0


@dataclass(frozen=True, slots=True)
class Baseline:
    """`usual(arg)` or `spread(arg)`: what `arg`, read on windows, was at this hour of the week in the weeks before."""

    function: str
    arg: Expr
    type: Type


BASELINE_REACH_MS = 4 * 7 * 86_400_000
"""How far back it looks."""


Expr = (
    Literal
    | Field
    | TableColumn
    | Key
    | Value
    | Time
    | Firing
    | During
    | Negate
    | Arithmetic
    | Compare
    | And
    | Or
    | Not
    | In
    | Match
    | IsNull
    | Call
    | Aggregate
    | Baseline
)

NODES = (
    Literal,
    Field,
    TableColumn,
    Key,
    Value,
    Time,
    Firing,
    During,
    Negate,
    Arithmetic,
    Compare,
    And,
    Or,
    Not,
    In,
    Match,
    IsNull,
    Call,
    Aggregate,
    Baseline,
)


def children(expr: Expr) -> tuple[Expr, ...]:
    """The direct sub-expressions, left to right."""
    found: list[Expr] = []
    for field in fields(expr):
        value = getattr(expr, field.name)
        if isinstance(value, NODES):
            found.append(value)
        elif isinstance(value, tuple):
            found.extend(part for part in value if isinstance(part, NODES))
    return tuple(found)


def walk(expr: Expr) -> Iterator[Expr]:
    """The expression and everything below it, parents first."""
    yield expr
    for child in children(expr):
        yield from walk(child)


def rebuilt(expr: Expr, change: Callable[[Expr], Expr | None]) -> Expr:
    """The same tree with other nodes where `change` gives one; what is below those is left as it is."""
    changed = change(expr)
    if changed is not None:
        return changed
    changes: dict[str, object] = {}
    for field in fields(expr):
        value = getattr(expr, field.name)
        if isinstance(value, NODES):
            changes[field.name] = rebuilt(value, change)
        elif isinstance(value, tuple) and value and all(isinstance(part, NODES) for part in value):
            changes[field.name] = tuple(rebuilt(part, change) for part in value)
    return replace(expr, **changes) if changes else expr  # type: ignore[arg-type]


def conjuncts(expr: Expr | None) -> tuple[Expr, ...]:
    """The parts that an AND joins; none for None."""
    if expr is None:
        return ()
    if isinstance(expr, And):
        return tuple(part for arg in expr.args for part in conjuncts(arg))
    return (expr,)


def conjunction(parts: tuple[Expr, ...]) -> Expr | None:
    """The inverse of `conjuncts`."""
    if not parts:
        return None
    return parts[0] if len(parts) == 1 else And(parts)


@dataclass(frozen=True, slots=True)
class Placeholder:
    """`{expr:format}` in a message; `format` is a Python format spec or empty (print with the unit)."""

    expr: Expr
    format: str
    text: str


@dataclass(frozen=True, slots=True)
class Template:
    """A message: literal text and placeholders in order."""

    parts: tuple[str | Placeholder, ...]
