"""How units meet in sums, comparisons, products and quotients.

| form | rule |
| --- | --- |
| `a + b`, `a < b`, `least(a, b)` | one dimension; a constant takes the other's unit, else the right side the left's |
| plain number beside a unit | read in that unit |
| constant with a unit beside a field without | an error, with the declaration to add |
| `60% * x`, `x / 50%` | a constant share is the plain fraction |
| `x * y` | a plain number or ratio keeps the other's unit, `u * u` is u², `u/s` times a constant time is u |
| `x / y` | one dimension: a ratio; `u² / u` is u; by a constant time: `u/s`; by a plain number or ratio: u |
| any other product or quotient | a plain number, nothing converted |
| dBm − dBm | dB; dBm ± dB is dBm |
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from streamwatchd.lang import fold, units
from streamwatchd.lang.typed import Aggregate, Arithmetic, Expr, Field, Kind, Literal, TableColumn, Type, walk

_SHARE = "share"


@dataclass(frozen=True, slots=True)
class Clash:
    """Two sides that can't meet: `code` SW209 (dimensions differ) or SW210 (a field without a unit), and the words."""

    code: str
    message: str
    hint: str


Pair = tuple[Expr, Expr]


def with_unit(expr: Expr, unit: str) -> Expr:
    """The expression in another unit of its dimension: constants converted, anything else multiplied."""
    source = expr.type.unit
    if source == unit:
        return expr
    if isinstance(expr, Literal) and isinstance(expr.value, float):
        return Literal(units.convert(expr.value, source, unit), Type(Kind.NUMBER, unit))
    type_ = Type(Kind.NUMBER, unit)
    scale = units.factor(source, unit)
    return Arithmetic("*", expr, Literal(scale, Type(Kind.NUMBER)), type_)


def alike(left: Expr, right: Expr) -> Pair | Clash:
    """Both sides in one unit: that of the side that is no constant, else the left one's."""
    one, other = left.type.unit, right.type.unit
    if one == other:
        return left, right
    if one and other:
        if not units.convertible(one, other):
            return _clash(left, right)
        return (with_unit(left, other), right) if isinstance(left, Literal) else (left, with_unit(right, one))
    plain, united = (right, left) if one else (left, right)
    read = _read_in(plain, united)
    if isinstance(read, Clash):
        return read
    return (read[1], read[0]) if one else read


def _read_in(plain: Expr, united: Expr) -> Pair | Clash:
    """A side without a unit beside one with: the pair in that order, now comparable."""
    if isinstance(plain, Literal) and isinstance(plain.value, float):
        return Literal(plain.value, united.type), united
    if not isinstance(united, Literal):
        return plain, united
    is_share = units.dimension(united.type.unit) == _SHARE
    if is_share and isinstance(plain, Arithmetic) and plain.op == "/":
        return plain, Literal(units.convert(_value(united), united.type.unit, "ratio"), Type(Kind.NUMBER))
    return _no_unit(plain, united)


def _value(literal: Literal) -> float:
    assert isinstance(literal.value, float)
    return literal.value


def _no_unit(plain: Expr, united: Literal) -> Clash:
    unit = united.type.unit
    given = describe(united)
    if isinstance(plain, Field):
        other = " (0–100) or `unit: ratio` (0–1)" if unit == "percent" else ""
        hint = f"declare it: `fields: {{{plain.name}: {{type: float, unit: {unit}}}}}`{other}, or write a plain number"
        return Clash("SW210", f"`{plain.name}` has no unit, so {given} means nothing beside it", hint)
    if isinstance(plain, TableColumn):
        hint = f"give column `{plain.column}` of table `{plain.table}` the unit `{unit}`, or write a plain number"
        return Clash("SW210", f"`{plain.column}` has no unit, so {given} means nothing beside it", hint)
    fields = _fields(plain)
    hint = "write a plain number"
    if fields:
        hint = f"declare it: `fields: {{{fields[0]}: {{type: float, unit: {unit}}}}}`, or write a plain number"
    return Clash("SW210", f"this is a number without a unit, so {given} means nothing beside it", hint)


def _fields(expr: Expr) -> list[str]:
    if isinstance(expr, Aggregate) and expr.function in ("count", "distinct", "changes"):
        return []
    return [node.name for node in walk(expr) if isinstance(node, Field) and node.type.kind is Kind.NUMBER]


def _clash(left: Expr, right: Expr) -> Clash:
    message = f"{describe(left)} and {describe(right)} can't be compared or added: their units differ in kind"
    literal, other = (left, right) if isinstance(left, Literal) else (right, left)
    hint = "compare values of one kind"
    if isinstance(literal, Literal):
        hint = f"write a number in {other.type.unit}, such as `{example(other.type.unit)}`"
    return Clash("SW209", message, hint)


def describe(expr: Expr) -> str:
    """An expression in a message: a constant with its unit, or what it measures."""
    unit = units.find(expr.type.unit) if expr.type.unit else None
    if isinstance(expr, Literal) and isinstance(expr.value, float):
        return f"`{expr.value:g}{units.spelling(expr.type.unit)}`"
    name = getattr(expr, "column", None) or getattr(expr, "name", None)
    what = f"`{name}`" if name else "this value"
    return f"{what} ({unit.name})" if unit else what


def example(unit: str) -> str:
    """A number literal in a unit."""
    return {"percent": "85%", "ratio": "5%", "bytes": "10MiB"}.get(unit, f"5{units.spelling(unit)}")


def additive(op: fold.ArithmeticOp, left: Expr, right: Expr) -> Expr | Clash:
    """`+`, `-` and the remainder `%`."""
    levels = (units.dimension(left.type.unit), units.dimension(right.type.unit))
    if op == "-" and levels == ("level", "level"):
        return fold.arithmetic(op, left, right, Type(Kind.NUMBER, "dB"))
    if op != "%" and sorted(levels) == ["gain", "level"]:
        return fold.arithmetic(op, left, right, Type(Kind.NUMBER, "dBm"))
    pair = alike(left, right)
    if isinstance(pair, Clash):
        return pair
    unit = pair[0].type.unit or pair[1].type.unit
    return fold.arithmetic(op, *pair, Type(Kind.NUMBER, unit))


def product(left: Expr, right: Expr) -> Expr:
    left, right = _fraction(left), _fraction(right)
    one, other = left.type.unit, right.type.unit
    for rate, time in ((left, right), (right, left)):
        if isinstance(time, Literal) and units.dimension(time.type.unit) == "time" and rate.type.unit.endswith("/s"):
            seconds = replace(with_unit(time, "s"), type=Type(Kind.NUMBER))
            return fold.arithmetic("*", rate, seconds, Type(Kind.NUMBER, rate.type.unit.removesuffix("/s")))
    return fold.arithmetic("*", left, right, Type(Kind.NUMBER, _product_unit(one, other)))


def _product_unit(one: str, other: str) -> str:
    if not one or (one == "ratio" and other):
        return other
    if not other or other == "ratio":
        return one
    return f"{one}^2" if one == other else ""


def quotient(left: Expr, right: Expr) -> Expr:
    left, right = _fraction(left), _fraction(right)
    one, other = left.type.unit, right.type.unit
    if one and other and units.convertible(one, other):
        return fold.arithmetic("/", left, with_unit(right, one), Type(Kind.NUMBER, "ratio"))
    if isinstance(right, Literal) and units.dimension(other) == "time" and units.find(f"{one}/s"):
        seconds = replace(with_unit(right, "s"), type=Type(Kind.NUMBER))
        return fold.arithmetic("/", left, seconds, Type(Kind.NUMBER, f"{one}/s"))
    return fold.arithmetic("/", left, right, Type(Kind.NUMBER, _quotient_unit(one, other)))


def _quotient_unit(one: str, other: str) -> str:
    if not other or (other == "ratio" and one):
        return one
    return other if one == f"{other}^2" else ""


def _fraction(expr: Expr) -> Expr:
    """A constant share as a factor: 60 % is the plain 0.6."""
    if isinstance(expr, Literal) and expr.type.unit and units.dimension(expr.type.unit) == _SHARE:
        return Literal(units.convert(_value(expr), expr.type.unit, "ratio"), Type(Kind.NUMBER))
    return expr
