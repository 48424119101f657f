"""Clock times in zones, over the days on which clocks change."""

from __future__ import annotations

from datetime import datetime

import pytest

from streamwatchd.calendars.clock import ClockTimes


def ms(text: str) -> int:
    return round(datetime.fromisoformat(text).timestamp() * 1000)


@pytest.mark.parametrize(
    ("zone", "at", "after", "first"),
    [
        ("UTC", 360, "2026-01-05T06:00:00+00:00", "2026-01-05T06:00:00+00:00"),
        ("UTC", 360, "2026-01-05T06:00:00.001+00:00", "2026-01-06T06:00:00+00:00"),
        ("Europe/Paris", 360, "2026-03-28T00:00:00+00:00", "2026-03-28T05:00:00+00:00"),
        ("Europe/Paris", 360, "2026-03-28T12:00:00+00:00", "2026-03-29T04:00:00+00:00"),
        ("Europe/Paris", 150, "2026-03-29T00:00:00+00:00", "2026-03-29T01:30:00+00:00"),
        ("Europe/Paris", 150, "2026-10-24T12:00:00+00:00", "2026-10-25T00:30:00+00:00"),
        ("Europe/Paris", 150, "2026-10-25T00:30:00.001+00:00", "2026-10-26T01:30:00+00:00"),
        ("Asia/Kathmandu", 0, "2026-01-05T12:00:00+00:00", "2026-01-05T18:15:00+00:00"),
        ("Pacific/Kiritimati", 60, "2026-01-05T12:00:00+00:00", "2026-01-06T11:00:00+00:00"),
        ("Pacific/Pago_Pago", 1_380, "2026-01-05T00:00:00+00:00", "2026-01-05T10:00:00+00:00"),
    ],
)
def test_the_first_clock_time_from_an_instant_on(zone: str, at: int, after: str, first: str) -> None:
    """Skipped times come as long after the change, times that come twice count once."""
    assert ClockTimes((at,), zone).first_from(ms(after)) == ms(first)


def test_several_times_a_day_are_taken_in_turn() -> None:
    """Also over midnight."""
    times, at, found = ClockTimes((360, 1_080), "UTC"), ms("2026-01-05T07:00:00+00:00"), []
    for _ in range(3):
        at = times.first_from(at + 1)
        found.append(at)
    assert found == [ms(f"2026-01-0{day}T{hour}:00:00+00:00") for day, hour in ((5, 18), (6, "06"), (6, 18))]
