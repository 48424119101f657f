"""Clock times in zones, over the days on which clocks change."""

from __future__ import annotations

from datetime import datetime

import pytest

from streamwatchd.calendars.clock import ClockTimes, LocalDays


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


@pytest.mark.parametrize(
    ("zone", "every", "instants"),
    [
        ("Europe/Berlin", 1, ["2026-03-28T23:00", "2026-03-29T22:00", "2026-03-30T22:00"]),
        ("Europe/Berlin", 1, ["2026-10-24T22:00", "2026-10-25T23:00"]),
        ("Asia/Beirut", 1, ["2026-03-28T22:00", "2026-03-29T21:00"]),  # 00:00 to 00:59 are skipped
        ("America/Havana", 1, ["2026-11-01T04:00", "2026-11-02T05:00"]),  # 00:00 to 00:59 come twice
        ("Australia/Lord_Howe", 1, ["2026-04-04T13:00", "2026-04-05T13:30"]),
        ("Pacific/Apia", 1, ["2011-12-29T10:00", "2011-12-30T10:00", "2011-12-31T10:00"]),  # without the 30th
        ("Asia/Kathmandu", 7, ["2026-01-07T18:15", "2026-01-14T18:15"]),  # Thursdays, as 1970-01-01 was one
    ],
)
def test_days_of_a_zone_are_as_long_as_it_makes_them(zone: str, every: int, instants: list[str]) -> None:
    """From one midnight to the next, and back."""
    days, expected = LocalDays(zone, every), [ms(f"{each}:00+00:00") for each in instants]
    found = [expected[0]]
    while len(found) < len(expected):
        found.append(days.first_from(found[-1] + 1))
    assert found == expected
    assert [days.back(each, every) for each in found[1:]] == expected[:-1]
    assert [days.first_from(each) for each in found] == [days.last_to(each + 3_600_000) for each in found] == expected
