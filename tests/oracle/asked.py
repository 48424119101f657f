"""What `unless` asks: whether another alarm is up, whether an instant lies in a calendar."""

from __future__ import annotations

from datetime import UTC

from streamwatchd.calendars.calendar import Calendar
from tests.oracle.evaluate import Cell

Document = dict[str, object]


def in_calendar(calendar: Calendar, t: int) -> bool:
    """Calendars of worlds have single stretches in UTC."""
    for stretch in calendar.stretches:
        assert (stretch.rule, stretch.zone, stretch.also, stretch.but) == ("", "UTC", (), ())
        start = round(stretch.start.replace(tzinfo=UTC).timestamp() * 1000)
        if start <= t < start + round(stretch.length.total_seconds() * 1000):
            return True
    return False


def fires(events: list[Document], on: dict[str, Cell], t: int) -> bool:
    """Whether an alarm whose key has these values is up at T: by its last event that came before T."""
    last: dict[str, tuple[int, int, bool]] = {}
    for index, event in enumerate(events):
        key, moment = event["key"], event.get("moment")
        assert isinstance(key, dict)
        if moment is None or event["event"] == "amended" or any(key[name] != cell for name, cell in on.items()):
            continue
        is_row = len(moment) == 2 and moment[1] == 1  # type: ignore[arg-type, index]
        time = int(str(event["at"])) - (0 if is_row else 1)
        if time < t:
            last[repr(key)] = max(last.get(repr(key), (time, -1, False)), (time, index, event["state"] == "firing"))
    return any(up for *_, up in last.values())
