"""What an expression is worth: Python values, None for null, SQL's three-valued logic."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from streamwatchd.lang import typed
from streamwatchd.rules.ruleset import Table

if TYPE_CHECKING:
    from tests.oracle.reading import Row

Cell = float | str | bool | None
Look = Callable[[typed.Expr], Cell]

_COMPARE: dict[str, Callable[[object, object], bool]] = {
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
    "<": lambda a, b: a < b,  # type: ignore[operator]
    "<=": lambda a, b: a <= b,  # type: ignore[operator]
    ">": lambda a, b: a > b,  # type: ignore[operator]
    ">=": lambda a, b: a >= b,  # type: ignore[operator]
}


@dataclass(frozen=True, slots=True)
class Tables:
    """Dimension tables as dicts: table → key text → column → value."""

    rows: Mapping[str, Mapping[str, Mapping[str, Cell]]]

    @staticmethod
    def text(key: Cell) -> str:
        """A key as text: numbers in their shortest JSON form."""
        if isinstance(key, str):
            return key
        if isinstance(key, float) and key.is_integer():
            return str(int(key))
        return json.dumps(key)

    def row(self, table: str, key: Cell) -> Mapping[str, Cell] | None:
        return None if key is None else self.rows.get(table, {}).get(self.text(key))


def column(node: typed.TableColumn, key: Cell, schemas: Mapping[str, Table], tables: Tables) -> Cell:
    """The column's value for the key; what `missing:` gives where the table has no such key."""
    row = tables.row(node.table, key)
    if row is not None:
        return row.get(node.column)
    schema = schemas[node.table]
    return _number(schema.defaults.get(node.column)) if schema.missing == "default" else None


def evaluate_row(
    expr: typed.Expr, row: Row, schemas: Mapping[str, Table], tables: Tables, look: Look | None = None
) -> Cell:
    """An expression on one row; `look` answers for keys and values."""

    def leaf(node: typed.Expr) -> Cell:
        match node:
            case typed.Field(name, _, stream):
                return field_of(row, name, stream)
            case typed.TableColumn():
                return column(node, field_of(row, node.on, ""), schemas, tables)
            case typed.Time():
                return float(row.time)
        if look is None:
            raise AssertionError(f"{node} on a row")
        return look(node)

    return evaluate(expr, leaf)


def field_of(row: Row, name: str, stream: str) -> Cell:
    """A field of the row; of the named side where the row is a join."""
    if row.sides is None:
        return row.fields.get(name)
    if stream:
        return row.sides.get(stream, {}).get(name)
    return row.fields.get(name)


def evaluate(expr: typed.Expr, look: Look) -> Cell:
    """`look` gives what leaves are worth: fields, columns, keys, values, time, aggregates."""
    match expr:
        case typed.Literal(value):
            return _number(value)
        case typed.Negate(arg):
            value = evaluate(arg, look)
            return None if value is None else -value  # type: ignore[operator]
        case typed.Arithmetic(op, left, right):
            return _arithmetic(op, evaluate(left, look), evaluate(right, look))
        case typed.Compare(op, left, right):
            one, two = evaluate(left, look), evaluate(right, look)
            return None if one is None or two is None else _COMPARE[op](one, two)
        case typed.And(args):
            found = [evaluate(arg, look) for arg in args]
            return False if False in found else None if None in found else True
        case typed.Or(args):
            found = [evaluate(arg, look) for arg in args]
            return True if True in found else None if None in found else False
        case typed.Not(arg):
            value = evaluate(arg, look)
            return None if value is None else not value
        case typed.In(arg, choices):
            value = evaluate(arg, look)
            return None if value is None else value in [_number(choice.value) for choice in choices]
        case typed.Match(arg, pattern):
            value = evaluate(arg, look)
            return None if value is None else re.search(pattern, str(value)) is not None
        case typed.IsNull(arg):
            return evaluate(arg, look) is None
        case typed.Call(function, args):
            return _call(function, [evaluate(arg, look) for arg in args])
        case _:
            return look(expr)


def _number(value: Cell) -> Cell:
    return float(value) if isinstance(value, int) and not isinstance(value, bool) else value


def _arithmetic(op: str, left: Cell, right: Cell) -> Cell:
    if left is None or right is None:
        return None
    one, two = float(left), float(right)
    try:
        value = {
            "+": lambda: one + two,
            "-": lambda: one - two,
            "*": lambda: one * two,
            "/": lambda: one / two,
            "%": lambda: one % two,
        }[op]()
    except (ZeroDivisionError, OverflowError):
        return None
    return value if math.isfinite(value) else None


def _call(function: str, args: list[Cell]) -> Cell:
    if function == "coalesce":
        return next((arg for arg in args if arg is not None), None)
    if function in ("greatest", "least"):
        args = [arg for arg in args if arg is not None]
        return (max if function == "greatest" else min)(args, default=None)  # type: ignore[type-var]
    if any(arg is None for arg in args):
        return None
    try:
        value = _CALLS[function](*args)
    except (ValueError, OverflowError):
        return None
    return value if not isinstance(value, float) or math.isfinite(value) else None


def _round(x: float, digits: float = 0.0) -> float:
    """Halves go away from zero."""
    scale = 10.0 ** math.floor(digits)
    return math.copysign(math.floor(abs(x) * scale + 0.5) / scale, x)


_CALLS: dict[str, Callable[..., Cell]] = {
    "abs": abs,
    "sqrt": math.sqrt,
    "exp": math.exp,
    "ln": math.log,
    "floor": lambda x: float(math.floor(x)),
    "ceil": lambda x: float(math.ceil(x)),
    "round": _round,
    "length": lambda text: float(len(text)),
    "lower": str.lower,
    "upper": str.upper,
    "contains": lambda text, part: part in text,
    "starts_with": lambda text, part: text.startswith(part),
    "ends_with": lambda text, part: text.endswith(part),
}
