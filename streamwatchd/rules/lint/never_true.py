"""Conditions that nothing can meet."""

from __future__ import annotations

from collections.abc import Iterator

from streamwatchd.diagnostics import Severity
from streamwatchd.rules.lint._check import Check, Finding, Subject, expanded
from streamwatchd.rules.lint._ranges import implies, possible


def _find(subject: Subject) -> Iterator[Finding]:
    for rule in subject.rules.rules:
        if rule.where is not None and not possible((expanded(rule, rule.where), True)):
            hint = "its parts exclude each other: look at the bounds"
            yield Finding(f"`where` of `{rule.name}` can never be true", hint, rule, subject.place(rule, "where"))
    for alarm in subject.alarms:
        for level in alarm.levels:
            when = expanded(alarm, level.when)
            place = subject.level_place(alarm, level)
            if not possible((when, True)):
                hint = "its parts exclude each other: look at the bounds"
                yield Finding(f"the condition of `{alarm.name}` can never be true", hint, alarm, place)
            elif level.until is not None and implies(when, expanded(alarm, level.until)):
                message = f"`{alarm.name}` can never be raised: wherever its condition is true, `until` is too"
                yield Finding(message, "`until` must be out of reach where the alarm is raised", alarm, place)


SPEC = Check(
    code="SW604",
    summary="a condition that can never be true, or that its `until` always takes back",
    why="The alarm is there, and will never say a word.",
    severity=Severity.ERROR,
    bad="""
source: web
every: 10s
rules: [{alarm: slow, by: shop, when: avg(latency over 1m) > 400ms and avg(latency over 1m) < 300ms}]
""",
    good="""
source: web
every: 10s
rules: [{alarm: slow, by: shop, when: avg(latency over 1m) > 400ms until avg(latency over 1m) < 300ms}]
""",
    find=_find,
)
