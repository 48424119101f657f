"""iCalendar files as calendar programs write them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from streamwatchd.calendars.calendar import Calendar
from streamwatchd.calendars.ics import BadCalendar, read_ics

HEAD = "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//test//test//EN\r\n"


def calendar(*events: str, zone: str = "", head: str = "") -> Calendar:
    body = "".join(f"BEGIN:VEVENT\r\nUID:u{n}\r\nDTSTAMP:20260101T000000Z\r\n{text}\r\nEND:VEVENT\r\n"
                   for n, text in enumerate(events))  # fmt: skip
    return Calendar("c", read_ics(f"{HEAD}{head}{body}END:VCALENDAR\r\n".encode(), zone))


def inside(calendar: Calendar, *whens: str) -> list[bool]:
    return [
        calendar.holds(round(datetime.fromisoformat(when).replace(tzinfo=UTC).timestamp() * 1000)) for when in whens
    ]


def test_a_whole_day_is_one_of_the_calendars_zone() -> None:
    """Christmas in New York begins at 05:00 UTC."""
    found = calendar("DTSTART;VALUE=DATE:20261225", zone="America/New_York")
    assert inside(found, "2026-12-25 04:59", "2026-12-25 05:00", "2026-12-26 04:59", "2026-12-26 05:00") == [
        False, True, True, False
    ]  # fmt: skip


def test_the_file_may_name_its_zone() -> None:
    """X-WR-TIMEZONE, as most programs write it."""
    found = calendar("DTSTART;VALUE=DATE:20261225", head="X-WR-TIMEZONE:America/New_York\r\n")
    assert inside(found, "2026-12-25 04:59", "2026-12-25 05:00") == [False, True]


def test_a_series_with_an_end_an_exception_and_a_cancelled_event() -> None:
    """Its UNTIL is in UTC, its times are local."""
    found = calendar(
        "DTSTART;TZID=Europe/Berlin:20260301T220000\r\nDTEND;TZID=Europe/Berlin:20260301T230000\r\n"
        "RRULE:FREQ=DAILY;UNTIL=20260304T210000Z\r\nEXDATE;TZID=Europe/Berlin:20260302T220000",
        "DTSTART:20260310T100000Z\r\nDURATION:PT1H\r\nSTATUS:CANCELLED",
    )
    days = [f"2026-03-0{day} 21:30" for day in range(1, 6)]
    assert inside(found, *days, "2026-03-10 10:30") == [True, False, True, True, False, False]


def test_a_repetition_that_was_moved_counts_where_it_is_now() -> None:
    """RECURRENCE-ID names the one that it stands for."""
    series = "DTSTART:20260301T100000Z\r\nDURATION:PT1H\r\nRRULE:FREQ=DAILY;COUNT=3"
    moved = "UID:u0\r\nRECURRENCE-ID:20260302T100000Z\r\nDTSTART:20260302T150000Z\r\nDURATION:PT1H"
    both = "".join(f"BEGIN:VEVENT\r\n{text}\r\nEND:VEVENT\r\n" for text in (f"UID:u0\r\n{series}", moved))
    text = f"{HEAD}{both}END:VCALENDAR\r\n"
    found = Calendar("c", read_ics(text.encode(), ""))
    assert inside(found, "2026-03-01 10:30", "2026-03-02 10:30", "2026-03-02 15:30", "2026-03-03 10:30") == [
        True, False, True, True
    ]  # fmt: skip


@pytest.mark.parametrize(
    "content",
    [b"", b"hello", b"\xff\xfe", b"BEGIN:VCALENDAR\r\nBEGIN:VEVENT\r\nDTSTART:soon\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"],
)
def test_what_is_no_calendar_is_refused(content: bytes) -> None:
    """With a reason."""
    with pytest.raises(BadCalendar):
        read_ics(content, "")


def test_a_rule_that_cannot_be_read_refuses_the_file() -> None:
    """Half a calendar would wake people in a maintenance window."""
    with pytest.raises(BadCalendar):
        calendar("DTSTART:20260301T100000Z\r\nRRULE:FREQ=SECONDLY")
