"""The canonical text of a tree as written: `parse(print_expr(tree)) == tree`."""

from __future__ import annotations

import re

from streamwatchd.lang import syntax
from streamwatchd.lang.mistakes import RESERVED

_NAME = re.compile(r"[^\W\d]\w*(\.\w+)*")
_OR, _AND, _NOT, _COMPARE, _SUM, _PRODUCT, _UNARY, _ATOM = range(8)
_LEVEL = {"+": _SUM, "-": _SUM, "*": _PRODUCT, "/": _PRODUCT, "%": _PRODUCT}


def print_expr(node: syntax.Expr) -> str:
    """The expression with the least parentheses, lower-case words, `==`, and double quotes."""
    return _text(node, _OR)


def print_condition(node: syntax.Condition) -> str:
    """`C for D until C for D`."""
    parts = [print_expr(node.when)]
    parts += ["for", node.hold.text] if node.hold else []
    parts += ["until", print_expr(node.until)] if node.until else []
    parts += ["for", node.until_hold.text] if node.until_hold else []
    return " ".join(parts)


def _text(node: syntax.Expr, least: int) -> str:
    """The text of a node where operators looser than `least` need parentheses."""
    level, text = _form(node)
    return f"({text})" if level < least else text


def _form(node: syntax.Expr) -> tuple[int, str]:
    match node:
        case syntax.Number(text):
            return _ATOM, text
        case syntax.String(value):
            return _ATOM, quote(value)
        case syntax.Constant(value):
            return _ATOM, "null" if value is None else str(value).lower()
        case syntax.Name():
            return _ATOM, _name(node)
        case syntax.Call():
            return _ATOM, _call(node)
        case syntax.Negate(arg):
            return _UNARY, "-" + _text(arg, _UNARY)
        case syntax.Binary(op, left, right):
            level = _LEVEL.get(op, _COMPARE)
            inner = _SUM if level == _COMPARE else level
            return level, f"{_text(left, inner)} {op} {_text(right, inner if level == _COMPARE else level + 1)}"
        case syntax.Not(arg):
            return _NOT, f"not {_text(arg, _NOT)}"
        case syntax.And(args):
            return _AND, " and ".join(_text(arg, _NOT) for arg in args)
        case syntax.Or(args):
            return _OR, " or ".join(_text(arg, _AND) for arg in args)
        case _:
            return _COMPARE, _test(node)


def _test(node: syntax.Match | syntax.In | syntax.IsNull) -> str:
    arg = _text(node.arg, _SUM)
    match node:
        case syntax.Match(_, pattern):
            return f"{arg} ~ {_text(pattern, _SUM)}"
        case syntax.In(_, choices, negated):
            listed = ", ".join(_text(choice, _SUM) for choice in choices)
            return f"{arg} {'not in' if negated else 'in'} ({listed})"
        case syntax.IsNull(_, negated):
            return f"{arg} {'is not null' if negated else 'is null'}"


def _call(node: syntax.Call) -> str:
    parts = [", ".join(print_expr(arg) for arg in node.args)] if node.args else []
    parts += ["where " + print_expr(node.where)] if node.where else []
    for word, duration in (("over", node.over), ("ago", node.ago), ("in", node.ahead)):
        parts += [f"{word} {duration.text}"] if duration else []
    parts += ["by " + " ".join(_name(key) for key in node.by)] if node.by else []
    return f"{node.function}({' '.join(parts)})"


def _name(node: syntax.Name) -> str:
    plain = _NAME.fullmatch(node.name) and node.name.lower() not in RESERVED
    return node.name if plain and not node.quoted else f"`{node.name}`"


def quote(value: str) -> str:
    """A string literal that reads back as `value`."""
    escaped = re.sub(r'\\(?=[\\"\']|$)|"', r"\\\g<0>", value)
    return f'"{escaped}"'
