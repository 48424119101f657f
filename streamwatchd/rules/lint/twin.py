"""Alarms that say the same twice."""

from __future__ import annotations

from collections.abc import Iterator

from streamwatchd.rules.lint._check import Check, Finding, Subject, expanded
from streamwatchd.rules.ruleset import Alarm, Anomaly


def _find(subject: Subject) -> Iterator[Finding]:
    first: dict[object, Alarm | Anomaly] = {}
    for rule in subject.alarms:
        other = first.setdefault(_meaning(rule), rule)
        if other is not rule:
            hint = "keep one; two severities of one thing are `levels` of one alarm"
            yield Finding(f"`{rule.name}` says the same as `{other.name}` at {other.span}", hint, rule)


def _meaning(rule: Alarm | Anomaly) -> object:
    levels = tuple((expanded(rule, level.when), level.for_ms, level.until, level.until_for_ms) for level in rule.levels)
    model = (rule.model, rule.features) if isinstance(rule, Anomaly) else ()
    keys = tuple(sorted(key.name for key in rule.by))
    others = repr([getattr(rule, name, None) for name in ("unless", "pause", "expect", "sequence", "at", "no_data")])
    return rule.sources, keys, rule.where, rule.every_ms, levels, model, others


SPEC = Check(
    code="SW614",
    summary="two alarms with one condition",
    why="One trouble calls twice, and an edit of one leaves the other behind.",
    bad="""
source: web
rules:
  - {alarm: failing, by: shop, when: status >= 500}
  - {alarm: errors, by: shop, when: status >= 500, severity: critical}
""",
    good="""
source: web
rules:
  - {alarm: failing, by: shop, when: status >= 500}
  - {alarm: odd, by: shop, when: status >= 400 and status < 500}
""",
    find=_find,
)
