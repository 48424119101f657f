"""Alarms without a text."""

from __future__ import annotations

from collections.abc import Iterator

from streamwatchd.rules.lint._check import Check, Finding, Subject


def _find(subject: Subject) -> Iterator[Finding]:
    for rule in subject.alarms:
        if rule.message is None:
            text = " ".join(["…", *(f"{{{key.name}}}" for key in rule.by)])
            yield Finding(f"`{rule.name}` has no message", f'add `message: "{text}"`', rule)


SPEC = Check(
    code="SW603",
    summary="an alarm without a message",
    why="A pager shows the message first: without one it shows a name.",
    bad="""
source: web
rules: [{alarm: failing, by: shop, when: status >= 500}]
""",
    good="""
source: web
rules: [{alarm: failing, by: shop, when: status >= 500, message: "{shop} answers with {status}"}]
""",
    find=_find,
)
