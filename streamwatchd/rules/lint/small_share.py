"""Shares of few events."""

from __future__ import annotations

from collections.abc import Iterator

from streamwatchd.lang.typed import Aggregate, Expr, walk
from streamwatchd.rules.lint._check import Check, Finding, Subject, expanded


def _find(subject: Subject) -> Iterator[Finding]:
    for rule in subject.alarms:
        for level in rule.levels:
            found = list(_aggregates(expanded(rule, level.when)))
            functions = {each.function for each in found}
            if "ratio" in functions and not functions & {"count", "sum"}:
                hint = "add a least number, such as `and count(over 5m) >= 20`"
                message = f"`{rule.name}` judges a share, of however few events: one bad one of one is 100 %"
                yield Finding(message, hint, rule, subject.level_place(rule, level))
                break


def _aggregates(expr: Expr) -> Iterator[Aggregate]:
    return (each for each in walk(expr) if isinstance(each, Aggregate))


SPEC = Check(
    code="SW612",
    summary="a share (`ratio`) without a least number of events",
    why="At night, with one request in five minutes, one failure is 100 % and wakes somebody.",
    bad="""
source: web
every: 10s
rules: [{alarm: failing, by: shop, when: ratio(status >= 500 over 5m) > 5%}]
""",
    good="""
source: web
every: 10s
rules: [{alarm: failing, by: shop, when: ratio(status >= 500 over 5m) > 5% and count(over 5m) >= 20}]
""",
    find=_find,
)
