"""X-rays of rules: alarms that show what a rule's conditions are made of."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamwatchd.compiler import program_of
from streamwatchd.plan.xray import XRAY, readers, xray
from streamwatchd.rules.ruleset import Alarm, RuleSet
from tests.testing.project import project


@pytest.fixture
def rules(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RuleSet:
    monkeypatch.chdir(tmp_path)
    return project(tmp_path).ruleset


def test_a_condition_becomes_a_tree_of_values(rules: RuleSet) -> None:
    """Names stand with their meaning, constants are left out, and all of it is a program."""
    slow = rules.rule("slow")
    assert isinstance(slow, Alarm)
    found = xray(rules, slow, {"shop": "a"}, 0)
    (level,) = found.levels
    assert [(part.depth, part.text, part.value) for part in level.when] == [
        (0, "mean > 400ms", "part_1"),
        (1, "mean = avg(latency over 1m)", "mean"),
    ]
    names = ["slow", f"slow{XRAY}", f"slow{XRAY} known", f"slow{XRAY} 0 when"]
    assert [rule.name for rule in found.rules.rules] == names
    assert program_of(found.rules).plan.first


def test_what_a_rule_reads_comes_along(rules: RuleSet) -> None:
    """A KPI, where it stands on one."""
    busy = rules.rule("busy")
    assert isinstance(busy, Alarm)
    names = [rule.name for rule in xray(rules, busy, {"page": "a"}, 0).rules.rules]
    assert names[:2] == ["requests", "busy"]


def test_every_rule_on_a_source_says_what_it_makes_of_a_record(rules: RuleSet) -> None:
    """Keys, filters, levels of alarms without windows, columns of tables."""
    shown = {name: [each for each, _ in exprs] for name, exprs in readers(rules, "web").shown.items()}
    assert shown[f"fails{XRAY}"][:2] == ["shop", "warning"]
    assert shown[f"requests{XRAY}"] == ["page"]
    assert f"busy{XRAY}" not in shown
