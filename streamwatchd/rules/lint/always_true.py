"""Conditions that everything meets."""

from __future__ import annotations

from collections.abc import Iterator

from streamwatchd.rules.lint._check import Check, Finding, Subject, expanded
from streamwatchd.rules.lint._ranges import possible


def _find(subject: Subject) -> Iterator[Finding]:
    for rule in subject.rules.rules:
        if rule.where is not None and not possible((expanded(rule, rule.where), False)):
            message = f"`where` of `{rule.name}` keeps every event whose fields are there"
            yield Finding(message, "take it out, or write `x is not null`", rule, subject.place(rule, "where"))
    for alarm in subject.alarms:
        for level in alarm.levels if getattr(alarm, "sequence", None) is None else ():
            if not possible((expanded(alarm, level.when), False)):
                message = f"the condition of `{alarm.name}` is always true where its values are there"
                yield Finding(message, "look at the bounds", alarm, subject.level_place(alarm, level))


SPEC = Check(
    code="SW605",
    summary="a condition that is always true",
    why="The alarm is up for every key, as soon as the key is known.",
    bad="""
source: web
every: 10s
rules: [{alarm: any, by: shop, when: count(over 1m) >= 0}]
""",
    good="""
source: web
every: 10s
rules: [{alarm: any, by: shop, when: count(over 1m) > 0}]
""",
    find=_find,
)
