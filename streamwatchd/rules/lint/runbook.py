"""Alarms of the worst severities that say nothing of what to do."""

from __future__ import annotations

from collections.abc import Iterator

from streamwatchd.rules.lint._check import Check, Finding, Subject

WORST = ("critical", "major")


def _find(subject: Subject) -> Iterator[Finding]:
    for rule in subject.alarms:
        severe = next((level.severity for level in rule.levels if level.severity in WORST), "")
        if severe and not rule.runbook:
            yield Finding(
                f"`{rule.name}` is {severe} and has no runbook", "add `runbook: https://…`: what to do at night", rule
            )


SPEC = Check(
    code="SW602",
    summary="an alarm of severity critical or major without a runbook",
    why="Whoever is woken by it begins to search.",
    bad="""
source: web
rules: [{alarm: failing, when: status >= 500, severity: critical}]
""",
    good="""
source: web
rules: [{alarm: failing, when: status >= 500, severity: critical, runbook: "https://runbooks.example/failing"}]
""",
    find=_find,
)
