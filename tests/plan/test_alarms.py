"""Nodes of alarms, and what those of one shape share."""

from __future__ import annotations

from tests.plan.test_rules import HOT, first


def test_thresholds_of_a_lone_rule_stay_in_place() -> None:
    """A family of one has nothing to tell apart."""
    (spec,) = first(HOT).window_alarms
    assert spec.members[0].params == ()
    both = first(HOT + HOT.replace("hot", "warm").replace("50%", "40%")).window_alarms[0]
    assert [(member.name, member.params) for member in both.members] == [("hot", (50.0,)), ("warm", (40.0,))]
