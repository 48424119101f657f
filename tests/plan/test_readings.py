"""Windows of rules on panes of their own."""

from __future__ import annotations

import pytest

from streamwatchd.operators.spec import DayWindow
from tests.plan.test_rules import first

DAY_MS = 86_400_000


def test_long_windows_roll_up_from_the_rules_own_panes() -> None:
    """Events enter the finest table only."""
    (family,) = first("  - {alarm: a, by: host, when: avg(x over 1m) > 2 * avg(x over 24h)}\n").families
    assert [(table.width_ms, table.parent_ms) for table in family.tables] == [(10_000, 0), (300_000, 10_000)]


@pytest.mark.parametrize(
    ("zone", "over", "width_ms"),
    [
        ("Europe/Berlin", "", 3_600_000),
        ("Asia/Kolkata", "", 1_800_000),
        ("Asia/Kathmandu", "", 900_000),
        ("Europe/Berlin", ", over: 3610m", 600_000),
    ],
)
def test_days_of_a_zone_lie_on_the_widest_panes_that_its_clocks_allow(zone: str, over: str, width_ms: int) -> None:
    """Midnights are multiples of these, in every season."""
    kpi = f"  - {{kpi: k, by: host, every: 1d, timezone: {zone}{over}, values: {{n: count(), week: count(over 7d)}}}}\n"
    stage = first(kpi)
    (spec,) = stage.kpis
    assert {table.width_ms for table in stage.families[0].tables} == {width_ms}
    assert spec.window.width_ms == width_ms
    assert [reading.window.size_ms for reading in spec.readings if isinstance(reading.window, DayWindow)][1:] == [
        7 * DAY_MS
    ]


def test_other_zones_are_other_windows_on_the_same_panes() -> None:
    """And the zone is part of what rows mean to their readers."""
    kpi = "  - {{kpi: {0}, by: host, every: 1d, timezone: {1}, values: {{n: count()}}}}\n"
    stage = first(kpi.format("a", "Europe/Berlin") + kpi.format("b", "America/New_York"))
    assert (len(stage.families), len(stage.kpis)) == (1, 2)
