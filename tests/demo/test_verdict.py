"""The verdict over a run: each way in which a daemon can be right or wrong about the script."""

from __future__ import annotations

from typing import Any

import pytest

from streamwatchd.demo.incidents import Above, Incident
from streamwatchd.demo.verdict import Verdict, judge

START_MS = 1_767_571_200_000
HOT = Incident("hot", "cpu_high", {"host": "a"}, 60, 120, severities=("critical",))
NEAR = Incident("near", "cpu_high", {"host": "b"}, 60, 120, outcome="quiet")
SLOW = Incident("slow", "response", {"region": "west"}, 60, 120, outcome="kpi", shows=Above("avg", 300))
WEAK = Incident("weak", "health", {"host": "a"}, 60, 120, outcome="kpi", shows=Above("score", 20, below=True))
LATER = Incident("later", "not_yet", {"host": "a"}, 60, 120)


def alert(host: str, at: str, event: str = "fired", severity: str = "critical") -> dict[str, Any]:
    at = f"2026-01-05T00:{at}.000Z"
    return {"rule": "cpu_high", "key": {"host": host}, "event": event, "severity": severity, "at": at}


def row(kpi: str, key: dict[str, str], end: str, **values: float | None) -> dict[str, Any]:
    return {"kpi": kpi, "key": key, "window": {"end": f"2026-01-05T00:{end}.000Z"}, "values": values}


def verdict(*incidents: Incident, alerts: list[Any] | None = None, kpis: list[Any] | None = None) -> Verdict:
    return judge(incidents, frozenset({"cpu_high", "response", "health"}), START_MS, alerts or [], kpis or [])


def test_an_alarm_in_time_is_found_with_its_delay() -> None:
    """Measured in event time from the start of the incident."""
    found = verdict(HOT, alerts=[alert("a", "01:30", "pending"), alert("a", "01:40")])
    assert found.good
    assert (found.findings[0].said, found.findings[0].after_ms) == ("critical", 40_000)


@pytest.mark.parametrize(
    "alerts",
    [
        [],
        [alert("c", "01:40")],
        [alert("a", "00:59")],
        [alert("a", "03:01")],
        [alert("a", "01:40", "pending")],
        [alert("a", "01:40", severity="warning")],
    ],
    ids=["none", "other key", "before", "too late", "only pending", "wrong severity"],
)
def test_an_incident_without_its_alarm_is_missed(alerts: list[Any]) -> None:
    """No alarm, another's, one at another time, or one that is not what was asked for."""
    assert not verdict(HOT, alerts=alerts).good


def test_a_near_miss_must_stay_quiet() -> None:
    """An alarm within its span is a false one; resolved alarms are none."""
    assert verdict(NEAR).good
    assert verdict(NEAR, alerts=[alert("b", "01:30", "resolved")]).good
    assert verdict(NEAR, alerts=[alert("b", "01:30")]).findings[0].said == "FALSE ALARM"


def test_an_alarm_that_no_entry_explains_is_a_stray() -> None:
    """Other keys, and the right key at another time."""
    found = verdict(HOT, alerts=[alert("a", "01:40"), alert("a", "09:00"), alert("z", "01:40")])
    assert [stray["at"][14:19] for stray in found.strays] == ["09:00", "01:40"]
    assert not found.good


def test_a_kpi_shows_an_incident_above_or_below_its_bound() -> None:
    """In a row of the key whose window ends within the incident; null shows nothing."""
    rows = [
        row("response", {"region": "west"}, "01:00", avg=900.0),
        row("response", {"region": "west"}, "02:00", avg=301.0),
        row("health", {"host": "a"}, "02:00", score=12.0),
    ]
    found = verdict(SLOW, WEAK, kpis=rows)
    assert found.good
    assert [finding.after_ms for finding in found.findings] == [60_000, 60_000]
    assert not verdict(SLOW, kpis=[row("response", {"region": "west"}, "02:00", avg=None)]).good
    assert not verdict(WEAK, kpis=[row("health", {"host": "a"}, "02:00", score=30.0)]).good


def test_entries_of_rules_that_are_not_in_force_are_left_out() -> None:
    """The script holds more than the rules that ship today."""
    assert verdict(LATER).findings == ()
