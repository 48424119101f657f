"""iCalendar files (RFC 5545) → stretches: each VEVENT is one, with its RRULE, RDATE, EXDATE and moved repetitions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import icalendar

from streamwatchd.calendars.calendar import Stretch
from streamwatchd.calendars.recurrence import BadRule, check

_UNTIL = re.compile(r"(?<=UNTIL=)(\d{8}T\d{6})Z", re.IGNORECASE)
_MIDNIGHT = time()


class BadCalendar(ValueError):
    """A file that can't be read as a calendar; the text says why."""


def read_ics(content: bytes, zone: str) -> tuple[Stretch, ...]:
    """The stretches of a file; times without a zone are in `zone`, or in the one that the file names.

    Cancelled events are left out. Raises BadCalendar.
    """
    try:
        calendar = icalendar.Calendar.from_ical(content)
        zone = zone or str(calendar.get("X-WR-TIMEZONE", "UTC"))
        events = [event for event in calendar.walk("VEVENT") if str(event.get("STATUS", "")) != "CANCELLED"]
        gone = [event for event in calendar.walk("VEVENT") if str(event.get("STATUS", "")) == "CANCELLED"]
        return tuple(_stretches(events, gone, zone))
    except BadRule as error:
        raise BadCalendar(f"a recurrence rule can't be read: {error}") from error
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise BadCalendar(str(error)) from error


def _stretches(events: list[icalendar.Component], gone: list[icalendar.Component], zone: str) -> Iterator[Stretch]:
    moved: dict[str, list[object]] = {}
    for event in (*events, *gone):
        if "RECURRENCE-ID" in event:
            moved.setdefault(str(event.get("UID")), []).append(event.decoded("RECURRENCE-ID"))
    for event in events:
        stretch = _stretch(event, zone)
        if "RECURRENCE-ID" not in event:
            others = moved.get(str(event.get("UID")), [])
            stretch = replace(stretch, but=(*stretch.but, *(_local(each, stretch.zone) for each in others)))
        yield stretch


def _stretch(event: icalendar.Component, zone: str) -> Stretch:
    if "DTSTART" not in event:
        raise BadCalendar(f"event {event.get('UID', '')} has no DTSTART")
    begins = event.decoded("DTSTART")
    zone = _zone_of(begins, zone)
    start = _local(begins, zone)
    rule = _text(event["RRULE"]) if "RRULE" in event else ""
    if rule:
        rule = _UNTIL.sub(lambda found: _local_until(found[1], zone), rule)
        check(rule, start)
    return Stretch(
        start,
        _length(event, begins, start, zone),
        zone,
        rule,
        tuple(_dates(event, "RDATE", zone)),
        tuple(_dates(event, "EXDATE", zone)),
    )


def _text(value: Any) -> str:
    """A property as the file writes it."""
    return bytes(value.to_ical()).decode()


def _length(event: icalendar.Component, begins: object, start: datetime, zone: str) -> timedelta:
    if "DTEND" in event:
        return _local(event.decoded("DTEND"), zone) - start
    if "DURATION" in event:
        length = event.decoded("DURATION")
        assert isinstance(length, timedelta)
        return length
    return timedelta(0) if isinstance(begins, datetime) else timedelta(days=1)


def _dates(event: icalendar.Component, name: str, zone: str) -> Iterator[datetime]:
    written = event.get(name, [])
    for each in written if isinstance(written, list) else [written]:
        for one in each.dts:
            yield _local(one.dt, zone)


def _zone_of(begins: object, zone: str) -> str:
    """The IANA name of a time's zone; of another kind of zone the time is taken in UTC."""
    if not isinstance(begins, datetime) or begins.tzinfo is None:
        return zone
    return str(getattr(begins.tzinfo, "key", "UTC"))


def _local(value: object, zone: str) -> datetime:
    if isinstance(value, tuple):
        value = value[0]
    if isinstance(value, datetime):
        return value if value.tzinfo is None else value.astimezone(ZoneInfo(zone)).replace(tzinfo=None)
    if isinstance(value, date):
        return datetime.combine(value, _MIDNIGHT)
    raise BadCalendar(f"`{value}` is no date")


def _local_until(text: str, zone: str) -> str:
    """The end of a recurrence, which files say in UTC, in the zone of its start."""
    until = datetime.strptime(text, "%Y%m%dT%H%M%S").replace(tzinfo=UTC)
    return until.astimezone(ZoneInfo(zone)).strftime("%Y%m%dT%H%M%S")
