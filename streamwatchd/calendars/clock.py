"""Times of the day in a time zone, as instants: `at: "06:00"` judges at these."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

DAY_MINUTES = 1_440
QUARTER_MINUTES = 15
"""Clocks of all time zones of today differ from UTC by multiples of this."""


@dataclass(frozen=True, slots=True)
class ClockTimes:
    """Each day at these minutes of the day, ascending.

    A time that clocks skip is as long after the change; one that they show twice is the first.
    """

    minutes: tuple[int, ...]
    zone: str

    def first_from(self, time_ms: int) -> int:
        """The first of them at or after an instant."""
        around = datetime.fromtimestamp(time_ms // 1000, UTC).date()
        return min(at for day in _days(around) for at in _instants(self.minutes, self.zone, day) if at >= time_ms)


def _days(around: date) -> Iterator[date]:
    """Those that an instant of a day in UTC, and the day after it, can belong to."""
    yield from (around + timedelta(days=days) for days in range(-1, 3))


@lru_cache(maxsize=16_384)
def _instants(minutes: tuple[int, ...], zone: str, day: date) -> tuple[int, ...]:
    found = []
    for minute in minutes:
        local = datetime.combine(day, time(minute // 60, minute % 60), ZoneInfo(zone))
        found.append(round(local.timestamp()) * 1_000)
    return tuple(found)
