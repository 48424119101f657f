"""Files of `calendars.d/`."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from streamwatchd.calendars.calendar import Calendar
from streamwatchd.rules import codes
from streamwatchd.rules.calendar_reader import CalendarDraft, calendar_paths, read_calendars
from streamwatchd.rules.files import Files, read_content

ICS = (
    "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//EN\r\nBEGIN:VEVENT\r\nUID:1\r\nDTSTAMP:20260101T000000Z\r\n"
    "DTSTART;VALUE=DATE:20261225\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
)


def read(folder: Path, **files: str) -> list[CalendarDraft]:
    for name, text in files.items():
        (folder / name.replace("__", ".")).write_text(text)
    contents = Files({path: read_content(path) for path in calendar_paths(folder)}, {})
    return list(read_calendars(folder, contents))


def only(drafts: list[CalendarDraft]) -> Calendar:
    (draft,) = drafts
    assert draft.calendar is not None, draft.problems
    return draft.calendar


def holds(calendar: Calendar, when: str) -> bool:
    return calendar.holds(round(datetime.fromisoformat(when).replace(tzinfo=UTC).timestamp() * 1000))


def test_weekly_hours_over_midnight(tmp_path: Path) -> None:
    """`to` at or before `from` is of the next day; days are those on which it begins."""
    found = only(read(tmp_path, nights__yaml='during: [{days: [fri, sat], from: "22:00", to: "06:00"}]\n'))
    assert found.name == "nights"
    whens = ("2026-01-09 21:59", "2026-01-09 22:00", "2026-01-10 05:59", "2026-01-10 06:00", "2026-01-11 05:00")
    assert [holds(found, when) for when in whens] == [False, True, True, False, True]
    assert not holds(found, "2026-01-11 22:30")


def test_a_whole_day_and_its_exceptions(tmp_path: Path) -> None:
    """From 00:00 to 24:00."""
    text = 'during: [{days: sun, from: "00:00", to: "24:00", except: "2026-01-11"}]\n'
    found = only(read(tmp_path, sundays__yaml=text))
    whens = ("2026-01-04 00:00", "2026-01-04 23:59", "2026-01-05 00:00", "2026-01-11 12:00", "2026-01-18 12:00")
    assert [holds(found, when) for when in whens] == [True, True, False, False, True]


def test_once_and_again_by_a_rule(tmp_path: Path) -> None:
    """In the calendar's zone; the name may be another than the file's."""
    text = """
name: core
timezone: Europe/Berlin
during:
  - {from: "2026-07-01 22:00", to: "2026-07-02 04:00", note: router upgrade}
  - {from: "2026-01-04 02:00", to: "05:00", repeat: FREQ=MONTHLY;BYDAY=1SU}
"""
    found = only(read(tmp_path, x__yaml=text))
    assert found.name == "core"
    assert [holds(found, when) for when in ("2026-07-01 19:59", "2026-07-01 20:00", "2026-07-02 01:59")] == [
        False, True, True
    ]  # fmt: skip
    assert [holds(found, when) for when in ("2026-02-01 01:00", "2026-02-01 04:00", "2026-02-08 01:00")] == [
        True, False, False
    ]  # fmt: skip


def test_icalendar_files_alone_and_beside(tmp_path: Path) -> None:
    """Alone it has the file's name; a YAML file may name it and its zone."""
    found = only(read(tmp_path, holidays__ics=ICS))
    assert (found.name, holds(found, "2026-12-25 12:00")) == ("holidays", True)
    (draft,) = read(tmp_path, free__yaml="file: holidays.ics\ntimezone: America/New_York\n")
    assert draft.name == "free"
    assert draft.calendar is not None
    assert not holds(draft.calendar, "2026-12-25 04:00")
    assert [Path(path).name for path in draft.paths] == ["free.yaml", "holidays.ics"]


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("timezone: Nowhere/At_All\nduring: [{from: '2026-01-01', to: '2026-01-02'}]\n", codes.BAD_TIME),
        ("during: [{from: '22:00', to: '06:00'}]\n", codes.BAD_TIME),
        ("during: [{from: '2026-01-02', to: '2026-01-01'}]\n", codes.BAD_TIME),
        ("during: [{from: '2026-01-01T00:00Z', to: '2026-01-02'}]\n", codes.BAD_TIME),
        ("during: [{from: '2026-01-01', to: '2026-01-02', repeat: often}]\n", codes.BAD_TIME),
        ("during: [{days: [sun], from: '10:00', to: '11:00', repeat: FREQ=DAILY}]\n", codes.EXCLUSIVE_FIELDS),
        ("name: empty\n", codes.MISSING_FIELD),
        ("file: gone.ics\n", codes.CALENDAR_UNREADABLE),
    ],
)
def test_mistakes_leave_the_calendar_out(tmp_path: Path, text: str, code: str) -> None:
    """With the way out."""
    (draft,) = read(tmp_path, c__yaml=text)
    assert draft.calendar is None
    assert [problem.code for problem in draft.problems] == [code]
    assert draft.problems[0].hint or code == codes.CALENDAR_UNREADABLE
