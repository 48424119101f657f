"""Checked expressions as people write them, for `explain`."""

from __future__ import annotations

from streamwatchd.lang.typed import (
    Aggregate,
    Ahead,
    And,
    Arithmetic,
    Baseline,
    Call,
    Compare,
    During,
    Expr,
    Field,
    Firing,
    In,
    IsNull,
    Key,
    Kind,
    Literal,
    Match,
    Negate,
    Not,
    Or,
    TableColumn,
    Time,
    Value,
)
from streamwatchd.lang.units import format_duration, spelling

_ATOMS = Literal | Field | TableColumn | Key | Value | Time | Firing | During | Call | Aggregate | Baseline


def describe(expr: Expr) -> str:
    """The text of an expression; literals carry the unit to which they were converted."""
    match expr:
        case Literal():
            return _literal(expr)
        case Field(name=name, stream=stream):
            return f"{stream}.{name}" if stream else name
        case TableColumn(table=table, column=column):
            return f"{table}.{column}"
        case Key(name=name) | Value(name=name):
            return name
        case Time():
            return "time"
        case Firing(rule=rule):
            return f"firing({rule})"
        case During(calendar=calendar):
            return f"during({calendar})"
        case Baseline(function=function, arg=arg):
            return f"{function}({describe(arg)})"
        case Call(function=function, args=args):
            return f"{function}({', '.join(map(describe, args))})"
        case Aggregate():
            return _aggregate(expr)
        case _:
            return _operation(expr)


def _operation(expr: Expr) -> str:
    match expr:
        case Negate(arg=arg):
            return f"-{_inner(arg)}"
        case Not(arg=arg):
            return f"not {_inner(arg)}"
        case Arithmetic(op=op, left=left, right=right) | Compare(op=op, left=left, right=right):
            return f"{_inner(left)} {op} {_inner(right)}"
        case And(args=args):
            return " and ".join(map(_inner, args))
        case Or(args=args):
            return " or ".join(map(_inner, args))
        case In(arg=arg, choices=choices):
            return f"{_inner(arg)} in ({', '.join(map(_literal, choices))})"
        case Match(arg=arg, pattern=pattern):
            return f'{_inner(arg)} ~ "{pattern}"'
        case IsNull(arg=arg):
            return f"{_inner(arg)} is null"
        case _:
            raise TypeError(expr)


def _inner(expr: Expr) -> str:
    """In parentheses where it is an operation itself; comparisons inside and/or read well without."""
    text = describe(expr)
    return text if isinstance(expr, _ATOMS | Compare | In | Match | IsNull) else f"({text})"


def _literal(literal: Literal) -> str:
    match literal.value:
        case None:
            return "null"
        case bool() as truth:
            return "true" if truth else "false"
        case str() as text:
            return f'"{text}"'
        case value:
            number = str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(value)
            return number + (spelling(literal.type.unit) if literal.type.kind is Kind.NUMBER else "")


def _aggregate(node: Aggregate) -> str:
    name = f"p{100 * node.quantile:g}" if node.quantile is not None else node.function
    parts = [describe(node.arg)] if node.arg is not None else []
    parts += [f"where {describe(node.where)}"] if node.where is not None else []
    parts += [f"over {format_duration(node.over_ms)}"] if node.over_ms is not None else []
    parts += [f"ago {format_duration(node.ago_ms)}"] if node.ago_ms else []
    parts += [f"in {format_duration(node.ahead_ms)}"] if isinstance(node, Ahead) else []
    parts += [f"by {' '.join(node.by)}"] if node.by is not None else []
    return f"{name}({' '.join(parts)})"
