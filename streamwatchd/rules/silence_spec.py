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
        Field("id", Text("an id"), "The record of the control topic that said it.", "chg-4711"),
    ),
    "Alarms of which nobody is told for a while; they are judged and written as ever.",
)

ACK = Record(
    "an acknowledgement",
    (
        Field("ack", Name("a name"), "Its name.", "k20260301_220500", required=True),
        Field("rule", Name("a name"), "The alarm of which somebody knows.", "cpu_high", required=True),
        Field("where", Expression("a condition"), "Only keys for which it is true.", 'host == "web-3"'),
        Field("by", Text("a name"), "Who knows.", "anna", required=True),
        Field("note", Text("a text"), "What is being done.", "disk is being replaced"),
        Field("at", Text(_TIME), "When it was said.", '"2026-03-01T22:05:00Z"'),
        Field("id", Text("an id"), "The record of the control topic that said it.", "chg-4711"),
    ),
    "Somebody knows of what is up when this comes into force: it is not told again until it resolves or grows worse.",
)

SILENCES = Record(
    "a file of silences",
    (
        Field("timezone", Text("a time zone"), "The zone of its times, an IANA name.", "Europe/Berlin", default="UTC"),
        Field("silences", ListOf(SILENCE), "The silences."),
        Field("acks", ListOf(ACK), "What was acknowledged; `swctl ack` writes it."),
    ),
    "A file of silences.d/: alarms of which nobody is told for a while.",
)
