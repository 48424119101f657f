"""The fields of tests of rules, declared: reader and reference come from here."""

from __future__ import annotations

from streamwatchd.fields import Anything, Choice, Field, Form, ListOf, MapOf, Raw, Record, Records, Share, Text, Truth
from streamwatchd.rules.foreign_names import OF_TESTS
from streamwatchd.rules.ruleset import SEVERITIES

_ROW = MapOf(Raw("a value"))
_INSTANT = Text("a time: a duration after the start, or ISO-8601")

_WHEN = (
    Field("at", _INSTANT, "The exact event time.", "9m"),
    Field("by", _INSTANT, "The latest event time.", "9m"),
    Field("exact", Truth(), "true: mappings hold these entries and no others.", default="false"),
    Field("tolerance", Share(), "How far numbers may be off, relatively.", "1%", default="0.0001%"),
)
_CELLS = MapOf(Anything())
_EXAMPLES = {
    "event": "fired", "state": "firing", "severity": "critical", "previous": "warning", "message": '"CPU 85.6% on a"',
    "reason": "cleared", "runbook": "https://runbooks.example/cpu", "muted_by": "storm", "seq": "2",
    "starts_at": "9m", "ends_at": "20m", "key": "{host: a}", "values": "{cpu5: 85.6}", "labels": "{team: noc}",
    "context": "{site: lyon}", "window": "{start: 4m, end: 9m}", "events": "12", "revision": "1", "rank": "1",
    "score": "0.97", "confidence": "0.97", "model": "service_mix", "version": "3", "drivers": "{error_rate: 0.8}",
}  # fmt: skip


def _of(document: str, *names: str, form: Form | None = None) -> tuple[Field, ...]:
    """Fields that stand in an output under the same names."""
    of = f"of the {document}."
    return tuple(Field(name, form or Anything(), f"As `{name}` {of}", _EXAMPLES[name]) for name in names)


EVENTS = (
    *("pending", "fired", "escalated", "relaxed", "resolved", "no_data", "amended", "unmuted", "repeated"),
    *("acknowledged", "flapping", "storm"),
)
_WORDS = {
    "event": Choice(EVENTS),
    "state": Choice(("pending", "firing", "resolved")),
    "severity": Choice(SEVERITIES),
    "previous": Choice((*SEVERITIES, "null")),
}

ALARM = Record(
    "an expected alert",
    (
        Field("alarm", Text("the name of an alarm"), "The alarm.", "disk_filling", required=True),
        *_WHEN,
        *(field for name, form in _WORDS.items() for field in _of("alert", name, form=form)),
        *_of("alert", "message", "reason", "runbook", "muted_by", "seq"),
        *_of("alert", "starts_at", "ends_at", form=_INSTANT),
        *_of("alert", "key", "values", "labels", "context", "window", form=_CELLS),
    ),
    doc="A row of `expect` or `expect_no`.",
)

KPI = Record(
    "an expected KPI row",
    (
        Field("kpi", Text("the name of a KPI"), "The KPI.", "transactions", required=True),
        *_WHEN,
        *_of("row", "events", "revision", "rank"),
        *_of("row", "key", "values", "context", "window", form=_CELLS),
    ),
    doc="A row of `expect` or `expect_no`.",
)

ANOMALY = Record(
    "an expected anomaly event",
    (
        Field("anomaly", Text("the name of an anomaly rule"), "The rule.", "odd_mix", required=True),
        *_WHEN,
        *_of("event", "score", "confidence", "model", "version"),
        *_of("event", "key", "values", "drivers", "context", "window", form=_CELLS),
    ),
    doc="A row of `expect` or `expect_no`.",
)

LATE = Record(
    "an expected late event",
    (Field("late", Text("the name of a source"), "The source.", "metrics", required=True), *_WHEN[:2]),
    doc="A row of `expect` or `expect_no`.",
)

DEAD_LETTER = Record(
    "an expected dead letter",
    (
        Field("dead_letter", Text("the name of a source"), "The source.", "metrics", required=True),
        Field("reason", Text(), "Why, or how it begins.", "wrong_type"),
    ),
    doc="A row of `expect` or `expect_no`.",
)

EXPECTATIONS = {"alarm": ALARM, "kpi": KPI, "anomaly": ANOMALY, "late": LATE, "dead_letter": DEAD_LETTER}
TEST = Record(
    "a test",
    (
        Field("name", Text(), "What the rules do, in a sentence.", "fires once", required=True),
        Field(
            "tables",
            MapOf(Raw("a list of rows")),
            "Rows that stand in for those of a table.",
            "{devices: [{device: a, role: critical}]}",
        ),
        Field("start", Text("a time in ISO-8601"), "Where the timeline starts.", "2026-01-05T00:00:00Z"),
        Field(
            "events",
            ListOf(_ROW),
            "The timeline: series of events, single events (`at:`), verbs.",
            '[{source: metrics, step: 10s, host: a, cpu: "40x30 97x42"}]',
            required=True,
        ),
        Field(
            "until",
            _INSTANT,
            "How far the clock runs. If not given: past the last event or expectation by `max_delay` and `idle_after`.",
            "20m",
        ),
        Field(
            "expect",
            ListOf(Records(EXPECTATIONS)),
            "What must come, a row for each.",
            "[{at: 9m, alarm: cpu_high, event: fired}]",
        ),
        Field("expect_no", ListOf(Records(EXPECTATIONS)), "What must not come.", "[{alarm: cpu_high}]"),
        Field("exact", Truth(), "true: the rules named in `expect` do nothing else.", "true", default="false"),
    ),
    elsewhere=OF_TESTS,
    doc="One timeline and what must come of it.",
)

TEST_FILE = Record(
    "a file of tests",
    (
        Field(
            "rules", ListOf(Text("a path"), or_one=True), "The rules files to load, from this folder.", "[disk.yaml]"
        ),
        Field(
            "models",
            Text("a path"),
            "A repository of models in place of the project's, from this folder.",
            "../models.for.tests",
        ),
        Field("tests", ListOf(TEST), "The tests, in order.", required=True),
    ),
    doc="Timelines and what must come of them.",
)

VERBS = ("late", "idle", "restart", "reload", "skew", "silence", "ack")
