"""Computed numbers compared for being equal."""

from __future__ import annotations

from collections.abc import Iterator

from streamwatchd.lang.typed import Aggregate, Arithmetic, Compare, Expr, Kind, walk
from streamwatchd.rules.lint._check import Check, Finding, Subject, expanded, parts

_ROUGH = ("avg", "stddev", "var", "quantile", "ratio", "rate", "slope", "predict")


def _find(subject: Subject) -> Iterator[Finding]:
    for rule in subject.rules.rules:
        for expr in parts(rule):
            if not isinstance(expr, Compare) or expr.op not in ("==", "!=") or expr.left.type.kind is not Kind.NUMBER:
                continue
            if any(_is_rough(expanded(rule, side)) for side in (expr.left, expr.right)) and not _with_zero(expr):
                message = f"`{rule.name}` asks whether a computed number is exactly equal to another"
                yield Finding(message, "compare with a bound: `<`, `>`, or `abs(a - b) < …`", rule)
                break


def _is_rough(expr: Expr) -> bool:
    return any(
        (isinstance(each, Aggregate) and each.function in _ROUGH) or (isinstance(each, Arithmetic) and each.op == "/")
        for each in walk(expr)
    )


def _with_zero(expr: Compare) -> bool:
    """`stddev(x) == 0` is exact here: equal values have a variance of exactly 0."""
    return getattr(expr.right, "value", None) == 0


SPEC = Check(
    code="SW613",
    summary="a computed number compared by `==` or `!=`",
    why="An average of 0.1 and 0.2 is not 0.15 to the last bit.",
    bad="""
source: web
every: 10s
rules: [{alarm: flat, by: shop, when: avg(latency over 1m) == 100ms}]
""",
    good="""
source: web
every: 10s
rules: [{alarm: flat, by: shop, when: stddev(latency over 1m) == 0ms}]
""",
    find=_find,
)
