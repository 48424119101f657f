"""Stretches of time: once, weekly, over changes of the clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from streamwatchd.calendars.calendar import Calendar, Stretch

BERLIN = "Europe/Berlin"


def at(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def nightly(zone: str) -> Calendar:
    start = datetime.fromisoformat("2026-01-01 22:00")
    return Calendar("nights", (Stretch(start, timedelta(hours=8), zone, "FREQ=DAILY"),))


@pytest.mark.parametrize(
    ("when", "inside"),
    [
        ("2026-01-01 20:59:59.999", False),
        ("2026-01-01 21:00", True),
        ("2026-01-02 04:59:59.999", True),
        ("2026-01-02 05:00", False),
        # clocks go forward on 29 March at 01:00 UTC: the night is an hour shorter
        ("2026-03-28 21:00", True),
        ("2026-03-29 03:59", True),
        ("2026-03-29 04:00", False),
        ("2026-03-29 19:59", False),
        ("2026-03-29 20:00", True),
        # and back on 25 October: an hour longer
        ("2026-10-24 20:00", True),
        ("2026-10-25 04:59", True),
        ("2026-10-25 05:00", False),
    ],
)
def test_from_ten_to_six_is_what_clocks_on_the_wall_say(when: str, inside: bool) -> None:
    """In summer and in winter; the end is outside."""
    assert nightly(BERLIN).holds(at(when)) is inside


def test_a_start_that_clocks_skip_is_as_long_after_the_change() -> None:
    """02:30 does not exist on 29 March in Berlin: 03:30 is meant."""
    start = datetime.fromisoformat("2026-03-29 02:30")
    calendar = Calendar("c", (Stretch(start, timedelta(minutes=30), BERLIN),))
    assert [calendar.holds(at(f"2026-03-29 {clock}")) for clock in ("01:29", "01:30", "02:00")] == [False, True, False]


def test_exceptions_and_additions() -> None:
    """A repetition less, one more."""
    start = datetime.fromisoformat("2026-01-05 10:00")
    skipped, added = (datetime.fromisoformat(f"2026-01-{day} 10:00") for day in ("12", "14"))
    weekly = Stretch(start, timedelta(hours=1), "UTC", "FREQ=WEEKLY", (added,), (skipped,))
    calendar = Calendar("c", (weekly,))
    inside = [day for day in range(5, 27) if calendar.holds(at(f"2026-01-{day:02} 10:30"))]
    assert inside == [5, 14, 19, 26]


def test_a_stretch_longer_than_its_period_is_found() -> None:
    """Each instant of three days after a start counts, though a later start has come."""
    start = datetime.fromisoformat("2026-01-05 00:00")
    calendar = Calendar("c", (Stretch(start, timedelta(days=3), "UTC", "FREQ=WEEKLY;BYDAY=MO"),))
    assert [calendar.holds(at(f"2026-01-{day:02} 23:59")) for day in (4, 5, 7, 8, 12)] == [
        False, True, True, False, True
    ]  # fmt: skip
