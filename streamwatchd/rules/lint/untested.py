"""Rules of which no test expects anything."""

from __future__ import annotations

from collections.abc import Iterator

from streamwatchd.rules.lint._check import Check, Finding, Subject


def _find(subject: Subject) -> Iterator[Finding]:
    for rule in subject.rules.rules if subject.tested is not None else ():
        if rule.name not in (subject.tested or ()):
            hint = "write one in a file NAME_test.yaml; `swctl test-rule --coverage` shows what else has none"
            yield Finding(f"no test expects anything of `{rule.name}`", hint, rule)


SPEC = Check(
    code="SW611",
    summary="a rule without a test",
    why="Nobody knows whether it fires, and nobody will notice when an edit keeps it from firing.",
    bad="""
source: web
rules: [{alarm: failing, when: status >= 500}]
""",
    good="""
source: web
rules: [{alarm: failing, when: status >= 500}]
tests:
  - name: fires
    events: [{source: web, at: 0s, shop: a, status: 500}]
    expect: [{alarm: failing}]
""",
    find=_find,
)
