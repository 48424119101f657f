"""Rules of one shape become one family: constants turn into parameters, equality filters into a key.

Ten thousand rules that differ in a threshold and a service then cost one table and one judgement.
"""

from __future__ import annotations

from dataclasses import fields, is_dataclass, replace
from typing import Any

from streamwatchd.lang.typed import (
    NUMBER,
    Aggregate,
    Baseline,
    Compare,
    Expr,
    Field,
    Kind,
    Literal,
    TableColumn,
    conjunction,
    conjuncts,
)
from streamwatchd.operators.evaluate import Param


def lift_numbers(expr: Expr, params: list[float]) -> Expr:
    """The expression with its numbers (outside aggregates) as `Param`s; their values are appended to `params`."""
    if isinstance(expr, Aggregate | Baseline):
        return expr
    if isinstance(expr, Literal):
        if expr.type.kind is Kind.NUMBER and isinstance(expr.value, int | float) and not isinstance(expr.value, bool):
            params.append(float(expr.value))
            return Param(len(params) - 1, NUMBER)  # type: ignore[return-value]
        return expr
    changes: dict[str, Any] = {}
    for field in fields(expr):
        if field.name in ("type", "choices"):
            continue
        value = getattr(expr, field.name)
        if isinstance(value, tuple) and value and all(is_dataclass(part) for part in value):
            changes[field.name] = tuple(lift_numbers(part, params) for part in value)
        elif is_dataclass(value):
            changes[field.name] = lift_numbers(value, params)  # type: ignore[arg-type]
    return replace(expr, **changes) if changes else expr


def lift_equalities(where: Expr | None) -> tuple[Expr | None, tuple[Expr, ...], tuple[str, ...]]:
    """Split `name == "constant"` off a filter: the rest, the names' expressions and the constants, in a fixed order."""
    rest: list[Expr] = []
    lifted: dict[Expr, str] = {}
    for part in conjuncts(where):
        match part:
            case Compare("==", (Field() | TableColumn()) as left, Literal(str() as constant)) if left not in lifted:
                lifted[left] = constant
            case _:
                rest.append(part)
    order = sorted(lifted, key=repr)
    return conjunction(tuple(rest)), tuple(order), tuple(lifted[expr] for expr in order)
