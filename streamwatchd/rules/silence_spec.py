"""The fields of a file of silences, each declared once."""

from __future__ import annotations

from streamwatchd.fields import Expression, Field, ListOf, MapOf, Name, Record, Text

_TIME = "a time, such as `2026-03-01 22:00` or `2026-03-01T22:00:00Z`"

SILENCE = Record(
    "a silence",
    (
        Field("silence", Name("a name"), "Its name: `muted_by` is `silence(NAME)`.", "core_upgrade", required=True),
        Field("rules", ListOf(Name("a name"), or_one=True), "The alarms of which nobody is told.", "[cpu_high]"),
        Field(
            "labels",
            MapOf(Text("a text"), Text("a label")),
            "The alarms that have these labels; with `rules`, of those.",
            "{team: noc}",
        ),
        Field(
            "where",
            Expression("a condition"),
            "Only keys for which it is true; it reads keys, columns of their tables, and labels.",
            'site == "fra" and role == "core"',
        ),
        Field("from", Text(_TIME), "When it begins, in event time; at once if not given.", '"2026-03-01 22:00"'),
        Field("until", Text(_TIME), "When it ends, in event time.", '"2026-03-02 06:00"'),
        Field("during", Name("a calendar"), "Only while this calendar holds.", "core_maintenance"),
        Field("reason", Text("a text"), "Why, for those who wonder at night.", "router upgrade", required=True),
        Field("by", Text("a name"), "Who says so.", "anna"),
    ),
    "Alarms of which nobody is told for a while; they are judged and written as ever.",
)

SILENCES = Record(
    "a file of silences",
    (
        Field("timezone", Text("a time zone"), "The zone of its times, an IANA name.", "Europe/Berlin", default="UTC"),
        Field("silences", ListOf(SILENCE), "The silences.", required=True),
    ),
    "A file of silences.d/: alarms of which nobody is told for a while.",
)
