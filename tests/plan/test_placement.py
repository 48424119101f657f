"""Finding a rule in a plan."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamwatchd.operators.spec import KpiSpec, RowAlarmSpec, WindowAlarmSpec
from streamwatchd.plan.placement import placement, readers, rule_names
from tests.plan.small import planned


def test_every_rule_is_found_at_its_stage(tmp_path: Path) -> None:
    """With the source whose tasks it runs in, or none behind the exchange."""
    plan, rules = planned(tmp_path)
    found = {rule.name: placement(plan, rule.name) for rule in rules.rules}
    assert {name: (place.stage.stage, place.source) for name, place in found.items()} == {
        "slow": (1, "web"),
        "slower": (1, "web"),
        "spread": (1, "web"),
        "visits": (1, "web"),
        "fails": (1, "web"),
        "pages": (2, ""),
        "busy": (2, ""),
        "mails": (2, ""),
        "all": (2, ""),
        "sizes": (2, ""),
        "both": (2, ""),
        "shops": (1, "web"),
        "sent": (3, ""),
    }
    kinds = {name: type(place.node) for name, place in found.items()}
    assert kinds["slow"] is WindowAlarmSpec
    assert kinds["fails"] is RowAlarmSpec
    assert kinds["pages"] is KpiSpec


def test_rules_that_share_are_found(tmp_path: Path) -> None:
    """Alarms of one shape share a node, readers of one key set share panes."""
    plan, _ = planned(tmp_path)
    slow = placement(plan, "slow")
    assert set(rule_names(slow.node)) == {"slow", "slower"}
    assert readers(plan, slow.families[0].id) == ["slow", "slower", "spread"]


def test_an_unknown_rule_is_a_key_error(tmp_path: Path) -> None:
    """For callers to turn into their own words."""
    with pytest.raises(KeyError):
        placement(planned(tmp_path)[0], "nothing")
