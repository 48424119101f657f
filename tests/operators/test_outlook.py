"""What a change does to a flow, read off the flow; tests/plan/test_change.py holds it to what then happens."""

from __future__ import annotations

from streamwatchd.calendars.clock import LocalDays
from streamwatchd.operators.dimension import Dimensions
from streamwatchd.operators.flow import Flow
from streamwatchd.operators.outlook import Ending, Outlook, endings, outlooks
from tests.operators.bench import compiled

AT_MS = 1_000_000_001


def told(old: str, new: str) -> Flow:
    """Of the old rules and then of the new ones."""
    before, after = compiled(old).program, compiled(new).program
    assert before is not None
    assert after is not None
    flow = Flow(before.plan.first["m"], Dimensions({}, {}), {})
    flow.switch(AT_MS, after.plan.first["m"], after.plan.alarm_names())
    return flow


HOT = "  - {alarm: hot, by: host, when: avg(x over 30s) > 5}\n"
COLD = "  - {alarm: cold, by: host, when: max(x over 30s) < 5}\n"


def test_what_is_equal_goes_on_unbroken() -> None:
    """Whatever comes beside it."""
    assert Outlook("hot", True, "hot", 0, ()) in list(outlooks(told(HOT, HOT + COLD), AT_MS))


def test_an_edit_takes_over_and_says_how_long_windows_take() -> None:
    """Over other panes, alarms of keys that these hear nothing of end after one reach."""
    (found,) = outlooks(told(HOT, HOT.replace("when:", "where: x > 1, when:")), AT_MS)
    assert (found.unbroken, found.heir_of, found.unheard_ms) == (False, "hot", 40_000)
    assert [warming.whole_ms - AT_MS for warming in found.warming] == [39_999]


def test_windows_that_are_days_of_another_zone_begin_at_once_where_all_is_kept() -> None:
    """On panes of the same width; what an aggregate more lacks comes with the days that pass."""
    kpi = "  - {{kpi: k, by: host, every: 1d, timezone: {}, values: {{n: count(){}}}}}\n"
    berlin, london = kpi.format("Europe/Berlin", ""), kpi.format("Europe/London", "")
    (found,) = outlooks(told(berlin, london), AT_MS)
    assert found.warming == ()
    (found,) = outlooks(told(berlin, kpi.format("Europe/Berlin", ", s: sum(x)")), AT_MS)
    assert [warming.whole_ms for warming in found.warming] == [
        LocalDays("Europe/Berlin", 1).first_from(AT_MS + 86_400_000)
    ]


def test_what_nobody_takes_over_ends_with_a_reason() -> None:
    """A rule that is gone, and one that has other keys."""
    flow = told(HOT + COLD, COLD.replace("by: host", "by: [host, site]"))
    assert set(endings(flow)) == {Ending("hot", "rule_removed"), Ending("cold", "rule_changed")}
    assert not list(endings(told(HOT, HOT.replace("hot", "warm"))))
