"""Levels that a more severe one always hides."""

from __future__ import annotations

from collections.abc import Iterator

from streamwatchd.diagnostics import Severity
from streamwatchd.rules.lint._check import Check, Finding, Subject, expanded
from streamwatchd.rules.lint._ranges import implies


def _find(subject: Subject) -> Iterator[Finding]:
    for rule in subject.alarms:
        for number, level in enumerate(rule.levels):
            when = expanded(rule, level.when)
            for worse in rule.levels[:number]:
                hides = worse.for_ms <= level.for_ms and level.until is None
                if hides and implies(when, expanded(rule, worse.when)):
                    message = (
                        f"`{level.severity}` of `{rule.name}` is never seen: `{worse.severity}` is up whenever it is"
                    )
                    hint = "are the two bounds the wrong way round?"
                    yield Finding(message, hint, rule, subject.level_place(rule, level))
                    break


SPEC = Check(
    code="SW606",
    summary="a level that a more severe one always hides",
    why="It was meant to warn earlier, and never does.",
    severity=Severity.ERROR,
    bad="""
source: web
every: 10s
rules:
  - alarm: slow
    by: shop
    levels:
      critical: avg(latency over 1m) > 400ms
      warning: avg(latency over 1m) > 900ms
""",
    good="""
source: web
every: 10s
rules:
  - alarm: slow
    by: shop
    levels:
      critical: avg(latency over 1m) > 900ms
      warning: avg(latency over 1m) > 400ms
""",
    find=_find,
)
