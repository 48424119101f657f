"""What a calendar is, and whether an instant lies in it.

A stretch begins at a local time of its zone and lasts until another local time: from 22:00 to 06:00 is seven hours in
the night in which clocks go forward. One that recurs does by an RRULE of RFC 5545.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from streamwatchd.calendars.recurrence import recurrences

_DAY = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Stretch:
    """`start` is a local time without a zone, `zone` an IANA name. `also` and `but` are more and other starts."""

    start: datetime
    length: timedelta
    zone: str = "UTC"
    rule: str = ""
    also: tuple[datetime, ...] = ()
    but: tuple[datetime, ...] = ()

    def starts_between(self, first: datetime, last: datetime) -> Iterator[datetime]:
        """Local starts of all repetitions in [first, last]."""
        found = {each for each in (self.start, *self.also) if first <= each <= last}
        if self.rule:
            found.update(recurrences(self.rule, self.start, first, last))
        yield from sorted(found - set(self.but))

    def spans_around(self, instant: datetime) -> Iterator[tuple[datetime, datetime]]:
        """Starts and ends in UTC of the repetitions that may hold an instant."""
        return self.spans_between(instant, instant)

    def spans_between(self, first: datetime, last: datetime) -> Iterator[tuple[datetime, datetime]]:
        """The same of any instant of these, both in UTC."""
        zone = _zone(self.zone)
        begin, end = (each.astimezone(zone).replace(tzinfo=None) for each in (first, last))
        for local in self.starts_between(begin - self.length - _DAY, end + _DAY):
            start = _utc(local, zone)
            shown = start.astimezone(zone).replace(tzinfo=None)
            yield start, _utc(shown + self.length, zone)


@dataclass(frozen=True, slots=True)
class Calendar:
    """All the stretches of a name."""

    name: str
    stretches: tuple[Stretch, ...]

    def holds(self, time_ms: int) -> bool:
        """Whether start ≤ instant < end of any stretch."""
        return _holds(self, time_ms)

    def edges(self, from_ms: int, until_ms: int) -> Iterator[int]:
        """The instants in [from, until) at which a stretch begins or ends, in no order. They are whole seconds."""
        first, last = (datetime.fromtimestamp(at // 1000, UTC) for at in (from_ms, until_ms))
        for each in self.stretches:
            for span in each.spans_between(first, last):
                yield from (at for edge in span if from_ms <= (at := round(edge.timestamp()) * 1_000) < until_ms)


@lru_cache(maxsize=65_536)
def _holds(calendar: Calendar, time_ms: int) -> bool:
    instant = datetime.fromtimestamp(time_ms // 1000, UTC) + timedelta(milliseconds=time_ms % 1000)
    return any(start <= instant < end for each in calendar.stretches for start, end in each.spans_around(instant))


@lru_cache(maxsize=1_024)
def _zone(name: str) -> ZoneInfo:
    return ZoneInfo(name)


def _utc(local: datetime, zone: ZoneInfo) -> datetime:
    """A local time that clocks show twice is the first; one that they skip is as long after the change."""
    return local.replace(tzinfo=zone).astimezone(UTC)
