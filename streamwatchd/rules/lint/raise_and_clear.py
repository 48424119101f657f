"""Levels whose condition and `until` are true of the same values."""

from __future__ import annotations

from collections.abc import Iterator

from streamwatchd.lang.typed import Compare
from streamwatchd.rules.lint._check import Check, Finding, Subject, expanded
from streamwatchd.rules.lint._ranges import implies, possible


def _find(subject: Subject) -> Iterator[Finding]:
    for rule in subject.alarms:
        for level in rule.levels:
            if level.until is None:
                continue
            when, until = expanded(rule, level.when), expanded(rule, level.until)
            if possible((when, True), (until, True)) and not implies(when, until) and _same_subject(when, until):
                message = f"some values both raise and clear `{rule.name}`: then `until` wins, and it is not raised"
                hint = "let `until` begin beyond the bound that raises"
                yield Finding(message, hint, rule, subject.level_place(rule, level))


def _same_subject(when: object, until: object) -> bool:
    """Only where both compare one thing: of two things both may well be true."""
    return isinstance(when, Compare) and isinstance(until, Compare) and when.left == until.left


SPEC = Check(
    code="SW607",
    summary="a condition and an `until` that are true of the same values",
    why="Between the two bounds the alarm should be up, and is not.",
    bad="""
source: web
every: 10s
rules: [{alarm: slow, by: shop, when: avg(latency over 1m) > 400ms until avg(latency over 1m) < 500ms}]
""",
    good="""
source: web
every: 10s
rules: [{alarm: slow, by: shop, when: avg(latency over 1m) > 400ms until avg(latency over 1m) < 300ms}]
""",
    find=_find,
)
