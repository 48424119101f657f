"""The fields of a calendar's file, each declared once."""

from __future__ import annotations

from streamwatchd.fields import Choice, Field, ListOf, Name, Record, Text

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_TIME = "a time: `2026-03-01 22:00`, or `22:00` with `days:`"

STRETCH = Record(
    "a stretch of a calendar",
    (
        Field("from", Text(_TIME), "When it begins, in the calendar's time zone.", '"2026-03-01 22:00"', required=True),
        Field(
            "to", Text(_TIME), "When it ends; a time at or before `from` is of the next day.", '"06:00"', required=True
        ),
        Field("days", ListOf(Choice(DAYS), or_one=True), "Every week on the days on which it begins.", "[sat, sun]"),
        Field("repeat", Text("a recurrence rule"), "How it recurs: an RRULE of RFC 5545.", "FREQ=MONTHLY;BYDAY=1SU"),
        Field(
            "except",
            ListOf(Text("a date"), or_one=True),
            "Dates on which it does not begin.",
            '["2026-12-25"]',
        ),
        Field("note", Text("a text"), "What it is, for people.", "router upgrade"),
    ),
    "A stretch of time, once or again and again.",
)

CALENDAR = Record(
    "a calendar",
    (
        Field("name", Name("a name"), "The calendar's name; the file's if not given.", "core_maintenance"),
        Field(
            "timezone", Text("a time zone"), "The zone of all its times, an IANA name.", "Europe/Berlin", default="UTC"
        ),
        Field("during", ListOf(STRETCH), "Its stretches."),
        Field("file", Text("a path"), "More of them, from an iCalendar file; relative to this file.", "holidays.ics"),
    ),
    "A calendar of calendars.d/: maintenance windows, business hours, holidays.",
)
