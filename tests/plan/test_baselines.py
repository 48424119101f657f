"""Rules that learn: what they share, and which of their conditions wait."""

from __future__ import annotations

from pathlib import Path

from streamwatchd.operators.spec import LearningAlarmSpec
from streamwatchd.plan.rules import build
from streamwatchd.rules.loader import load
from tests.plan.small import CONFIG

RULES = """
source: web
every: 1m
rules:
  - {alarm: slow, by: shop, values: {v: avg(latency over 5m)}, when: v > usual(v) + 3 * spread(v)}
  - {alarm: slower, by: shop, values: {v: avg(latency over 5m)}, when: v > usual(v) + 9 * spread(v)}
  - alarm: two
    by: shop
    levels: {critical: p99(latency over 5m) > 2 * usual(p99(latency over 5m)), warning: p99(latency over 5m) > 5ms}
  - {alarm: plain, by: shop, when: avg(latency over 5m) > 5ms}
"""


def alarms(folder: Path) -> dict[str, object]:
    (folder / "rules.d").mkdir()
    (folder / "streamwatchd.yaml").write_text(CONFIG)
    (folder / "rules.d" / "a.yaml").write_text(RULES)
    loaded = load(folder / "streamwatchd.yaml")
    assert [each.message for each in loaded.diagnostics if each.is_error] == []
    plan = build(loaded.ruleset)
    stages = [*plan.first.values(), *plan.later]
    return {member.name: alarm for stage in stages for alarm in stage.window_alarms for member in alarm.members}


def test_rules_that_differ_in_thresholds_share_what_they_learn(tmp_path: Path) -> None:
    """They are one family, with one expression, be it named or written out."""
    found = alarms(tmp_path)
    slow = found["slow"]
    assert slow is found["slower"]
    assert isinstance(slow, LearningAlarmSpec)
    (baseline,) = slow.baselines
    assert {node.function for node in baseline.nodes} == {"usual", "spread"}
    assert baseline.step_ms == 1_200_000


def test_only_conditions_that_ask_what_is_usual_wait_for_it(tmp_path: Path) -> None:
    """A plain level of the same rule fires from its first whole window on; a plain rule is what it always was."""
    found = alarms(tmp_path)
    two = found["two"]
    assert isinstance(two, LearningAlarmSpec)
    assert two.learnt == ((True, False), (False, False))
    assert not isinstance(found["plain"], LearningAlarmSpec)
