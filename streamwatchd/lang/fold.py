"""Typed nodes in one form, so that equal meanings give equal trees.

Constants are computed, `and`/`or` are flat and without repeats, a constant stands right of a comparison, `not not C`
is C, `x == true` is x, `x in (a)` is `x == a`. Every rewriting holds in three-valued logic.
"""

from __future__ import annotations

import math
from typing import Literal as OneOf
from typing import TypeVar

from streamwatchd.lang.typed import BOOL as _BOOL
from streamwatchd.lang.typed import And, Arithmetic, Compare, Expr, In, Literal, Negate, Not, Or, Type

ArithmeticOp = OneOf["+", "-", "*", "/", "%"]
CompareOp = OneOf["==", "!=", "<", "<=", ">", ">="]

TRUE = Literal(True, _BOOL)
FALSE = Literal(False, _BOOL)
_FLIPPED: dict[CompareOp, CompareOp] = {"==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}


def negate(arg: Expr) -> Expr:
    match arg:
        case Literal(float(value), type_):
            return Literal(-value, type_)
        case Negate(inner):
            return inner
    return Negate(arg, arg.type)


def arithmetic(op: ArithmeticOp, left: Expr, right: Expr, type_: Type) -> Expr:
    match left, right:
        case Literal(float(a)), Literal(float(b)) if b != 0 or op not in "/%":
            value = _compute(op, a, b)
            if math.isfinite(value):
                return Literal(value, type_)
    return Arithmetic(op, left, right, type_)


def _compute(op: ArithmeticOp, a: float, b: float) -> float:
    match op:
        case "+":
            return a + b
        case "-":
            return a - b
        case "*":
            return a * b
        case "/":
            return a / b
        case "%":
            return a % b


def compare(op: CompareOp, left: Expr, right: Expr) -> Expr:
    if isinstance(left, Literal) and isinstance(right, Literal):
        return Literal(_holds(op, left.value, right.value), _BOOL)
    if isinstance(left, Literal):
        left, right, op = right, left, _FLIPPED[op]
    if isinstance(right, Literal) and isinstance(right.value, bool):
        return left if right.value == (op == "==") else negation(left)
    return Compare(op, left, right)


def _holds(op: CompareOp, a: float | str | bool | None, b: float | str | bool | None) -> bool:
    if op in ("==", "!="):
        return (a == b) == (op == "==")
    assert isinstance(a, float)
    assert isinstance(b, float)
    return {"<": a < b, "<=": a <= b, ">": a > b, ">=": a >= b}[op]


def choice(arg: Expr, choices: tuple[Literal, ...]) -> Expr:
    values = {choice.value: choice for choice in choices}
    ordered = tuple(values[value] for value in sorted(values, key=lambda value: (str(type(value)), value)))
    return compare("==", arg, ordered[0]) if len(ordered) == 1 else In(arg, ordered)


def negation(arg: Expr) -> Expr:
    match arg:
        case Not(inner):
            return inner
        case Literal(bool(value)):
            return Literal(not value, _BOOL)
    return Not(arg)


def conjunction(args: tuple[Expr, ...]) -> Expr:
    return _join(And, args, neutral=TRUE, absorbing=FALSE)


def disjunction(args: tuple[Expr, ...]) -> Expr:
    return _join(Or, args, neutral=FALSE, absorbing=TRUE)


_Logic = TypeVar("_Logic", And, Or)


def _join(kind: type[_Logic], args: tuple[Expr, ...], neutral: Literal, absorbing: Literal) -> Expr:
    flat = [part for arg in args for part in (arg.args if isinstance(arg, kind) else (arg,))]
    if absorbing in flat:
        return absorbing
    parts = tuple(dict.fromkeys(part for part in flat if part != neutral))
    if not parts:
        return neutral
    return parts[0] if len(parts) == 1 else kind(parts)
