"""Bases that nothing extends."""

from __future__ import annotations

from collections.abc import Iterator

from streamwatchd.rules.document import Scalar
from streamwatchd.rules.lint._check import Check, Finding, Subject
from streamwatchd.rules.written import name_of


def _find(subject: Subject) -> Iterator[Finding]:
    items = subject.items("rules", "bases")
    extended = {wanted.text for item in items if isinstance(wanted := item.get("extends"), Scalar)}
    for base in subject.items("bases"):
        name = name_of(base)
        if name is not None and name.text not in extended:
            hint = f"write `extends: {name.text}` in a rule, or take the base out"
            yield Finding(f"nothing extends the base `{name.text}`", hint, span=name.span)


SPEC = Check(
    code="SW618",
    summary="a base that nothing extends",
    why="It is never run, so what it says watches nothing: most likely a rule was meant, or its last reader has gone.",
    bad="""
bases: [{alarm: failing, by: shop, when: status >= 500}]
""",
    good="""
source: web
bases: [{alarm: failing, by: shop, when: status >= 500}]
rules: [{alarm: late_failing, extends: failing, where: latency > 200}]
""",
    find=_find,
)
