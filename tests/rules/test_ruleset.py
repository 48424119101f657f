"""Checked rules as data."""

from __future__ import annotations

import pickle
from collections.abc import Callable

import pytest

from streamwatchd.rules.loader import Loaded

Check = Callable[..., Loaded]
TEXT = "source: metrics\nevery: 1m\nrules:\n  - kpi: load\n    by: host\n    values: {x: avg(cpu)}\n"


def test_a_rule_set_crosses_processes(check: Check) -> None:
    """It pickles and compares by value."""
    ruleset = check(TEXT).ruleset
    assert pickle.loads(pickle.dumps(ruleset)) == ruleset


def test_rules_are_found_by_name(check: Check) -> None:
    """An unknown name is a KeyError."""
    ruleset = check(TEXT).ruleset
    assert ruleset.rule("load").name == "load"
    with pytest.raises(KeyError):
        ruleset.rule("none")
