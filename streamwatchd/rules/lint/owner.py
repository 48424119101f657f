"""Rules that wake people and do not say whose they are."""

from __future__ import annotations

from collections.abc import Iterator

from streamwatchd.lang.typed import TableColumn
from streamwatchd.rules.lint._check import Check, Finding, Subject

NAMES = ("owner", "team")


def _find(subject: Subject) -> Iterator[Finding]:
    for rule in subject.alarms:
        columns = {expr.column for expr in rule.context if isinstance(expr, TableColumn)}
        if not any(rule.labels.get(name) or name in columns for name in NAMES):
            yield Finding(
                f"`{rule.name}` does not say whose it is",
                "add `labels: {team: …}` or `owner`, here, at the top of the file, or in `shared.yaml` for all",
                rule,
            )


SPEC = Check(
    code="SW601",
    summary="an alarm without a label `owner` or `team`",
    why="Nobody feels called, and `dry-run --against` can't say who will be woken. A column of a table counts too.",
    bad="""
source: web
rules: [{alarm: failing, when: status >= 500}]
""",
    good="""
source: web
labels: {team: shops}
rules: [{alarm: failing, when: status >= 500}]
""",
    find=_find,
)
