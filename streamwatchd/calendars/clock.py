"""Times of the day in a time zone, and its days, as instants: `at: "06:00"`, `every: 1d` with `timezone:`."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from math import gcd
from zoneinfo import ZoneInfo

DAY_MINUTES = 1_440
DAY_MS = 86_400_000
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

    def last_before(self, time_ms: int) -> int:
        """The last of them before an instant."""
        around = datetime.fromtimestamp(time_ms // 1000, UTC).date() - timedelta(days=1)
        return max(at for day in _days(around) for at in _instants(self.minutes, self.zone, day) if at < time_ms)


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


@dataclass(frozen=True, slots=True)
class LocalDays:
    """Midnights of a time zone: those with which every so many days begin, counted from 1970-01-01 as the zone has it.

    A midnight that clocks skip is the first instant after it, one that they show twice is the first. Days are as long
    as the zone makes them; all midnights are multiples of `grid_ms`.
    """

    zone: str
    every: int

    @property
    def grid_ms(self) -> int:
        return _grid_ms(self.zone)

    def first_from(self, time_ms: int) -> int:
        """The first of them at or after an instant."""
        number = _day_of(self.zone, time_ms)
        while _midnight(self.zone, number) < time_ms:
            number += 1
        return _midnight(self.zone, -(-number // self.every) * self.every)

    def last_to(self, time_ms: int) -> int:
        """The last of them at or before an instant."""
        return _midnight(self.zone, _day_of(self.zone, time_ms) // self.every * self.every)

    def back(self, midnight_ms: int, days: int) -> int:
        """From the midnight of one day to that of so many days before, and on to the last of these at or before it."""
        number = _day_of(self.zone, midnight_ms) - days
        return _midnight(self.zone, number // self.every * self.every)


def _day_of(zone: str, time_ms: int) -> int:
    """The number of the day that an instant lies in; of days that a zone leaves out, the one before."""
    number = (datetime.fromtimestamp(time_ms // 1000, ZoneInfo(zone)).date() - _FIRST_DAY).days
    while _midnight(zone, number) > time_ms:
        number -= 1
    while _midnight(zone, number + 1) <= time_ms:
        number += 1
    while _midnight(zone, number - 1) == _midnight(zone, number):
        number -= 1
    return number


_FIRST_DAY = date(1970, 1, 1)


@lru_cache(maxsize=16_384)
def _midnight(zone: str, number: int) -> int:
    """The first instant of a day, down to the grid."""
    day = _FIRST_DAY + timedelta(days=number)
    local = datetime.combine(day, time(), ZoneInfo(zone))
    early, late = sorted(round(local.replace(fold=fold).timestamp()) for fold in (0, 1))
    if datetime.fromtimestamp(early, ZoneInfo(zone)).date() >= day:
        late = early
    while late - early > 1:  # clocks skip it: they change in between
        middle = (early + late) // 2
        is_there = datetime.fromtimestamp(middle, ZoneInfo(zone)).date() >= day
        early, late = (early, middle) if is_there else (middle, late)
    return late * 1_000 // _grid_ms(zone) * _grid_ms(zone)


@lru_cache(maxsize=1_024)
def _grid_ms(zone: str) -> int:
    """The greatest part of an hour of which the zone's distance to UTC is a multiple, from 1980 on."""
    moments = (datetime(year, month, 1, tzinfo=UTC) for year in range(1980, 2100) for month in range(1, 13))
    offsets = {moment.astimezone(ZoneInfo(zone)).utcoffset() or timedelta() for moment in moments}
    minutes = gcd(60, *(round(abs(offset).total_seconds()) // 60 for offset in offsets))
    return max(minutes, 1) * 60_000
