"""What a text means in a scope, for tests that look at the typed tree."""

from __future__ import annotations

from streamwatchd.functions import signatures
from streamwatchd.lang import check
from streamwatchd.lang.scope import Scope
from streamwatchd.lang.typed import Compare, Expr, Kind, Literal, Type

PERCENT = Type(Kind.NUMBER, "percent")
PLAIN = Type(Kind.NUMBER)


def meaning(text: str, scope: Scope) -> Expr:
    checked = check(text, scope, None, signatures())
    assert not checked.failed, checked.problems
    assert checked.expr is not None
    return checked.expr


def literal(text: str, scope: Scope) -> float | str | bool | None:
    """The constant on the right of a comparison."""
    expr = meaning(text, scope)
    assert isinstance(expr, Compare)
    assert isinstance(expr.right, Literal)
    assert expr.right.type.unit == expr.left.type.unit
    return expr.right.value
