"""Counts of different values that are compared with one another, to the last one."""

from __future__ import annotations

from collections.abc import Iterator

from streamwatchd.lang.typed import NUMBER, Aggregate, Arithmetic, Compare, Expr, Field, Literal, walk
from streamwatchd.rules.lint._check import Check, Finding, Subject, expanded
from streamwatchd.rules.lint._ranges import implies
from streamwatchd.rules.ruleset import Kpi, Rule

SURE = 900
"""An estimate below is none: it is off by 1.6 % on average, and there are estimates from 1,025 values on."""

Pair = tuple[Aggregate, Aggregate]


def _find(subject: Subject) -> Iterator[Finding]:
    for rule in subject.rules.rules:
        for condition in _judged(rule):
            pair = next((pair for pair in _pairs(condition) if not _is_exact(condition, pair)), None)
            if pair is not None:
                yield _finding(rule, pair)
                break


def _judged(rule: Rule) -> Iterator[Expr]:
    found = [rule.when, *(value.expr for value in rule.values)] if isinstance(rule, Kpi) else []
    found += [] if isinstance(rule, Kpi) else [level.when for level in rule.levels]
    return (expanded(rule, expr) for expr in found if expr is not None)


def _pairs(condition: Expr) -> Iterator[Pair]:
    """Counts of one field on the two sides of a comparison, or of a minus."""
    for node in walk(condition):
        if isinstance(node, Compare) or (isinstance(node, Arithmetic) and node.op == "-"):
            for left in _terms(node.left):
                yield from ((left, right) for right in _terms(node.right) if left != right and left.arg == right.arg)


def _terms(expr: Expr) -> Iterator[Aggregate]:
    """What is added up; a factor (`2 * distinct(x over 1h)`) leaves room for an error."""
    match expr:
        case Arithmetic("+" | "-", left, right):
            yield from (*_terms(left), *_terms(right))
        case Aggregate(function="distinct"):
            yield expr


def _is_exact(condition: Expr, pair: Pair) -> bool:
    """Whether the condition is true of few values only."""
    return any(implies(condition, Compare("<=", each, Literal(float(SURE), NUMBER))) for each in pair)


def _finding(rule: Rule, pair: Pair) -> Finding:
    field = pair[0].arg
    name = f"`{field.name}`" if isinstance(field, Field) else "a value"
    message = f"`{rule.name}` compares two counts of different values of {name}: above 1,024 both are estimates"
    hint = (
        f"bound the one that looks back (`before < {SURE}`); where more are usual, put {name} into `by`, and judge "
        "`count(over …) > 0 and count(over … ago …) == 0` with `partial: true`"
    )
    return Finding(message, hint, rule)


SPEC = Check(
    code="SW617",
    summary="two `distinct` of a field that are compared, or subtracted",
    why="Above 1,024 values both are estimates, some 2 % off: one value more is lost in that.",
    bad="""
source: web
every: 1h
rules: [{alarm: new_page, by: shop, when: distinct(page over 169h) > distinct(page over 168h ago 1h)}]
""",
    good="""
source: web
every: 1h
rules:
  - alarm: new_page
    by: shop
    values: {before: distinct(page over 168h ago 1h)}
    when: distinct(page over 169h) > before and before < 900
""",
    find=_find,
)
