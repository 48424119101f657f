"""Tests of rules: timelines of events, and what must come of them. Read by `timeline_reader`, run by `timeline_run`.

Times are ms after the start of the timeline unless a name says otherwise.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from streamwatchd.diagnostics import Diagnostic, Span
from streamwatchd.enrichment.table import TableData
from streamwatchd.rules.document import Node

START_MS = 1_767_571_200_000
"""2026-01-05T00:00Z, a Monday: where a timeline starts that does not say."""


@dataclass(frozen=True, slots=True)
class Event:
    """An event of `source` that arrives at `at_ms` and says `time_ms`; `late` if the timeline means it to be late.

    `skewed`: its producer's clock is off, so that it may be late.
    """

    at_ms: int
    source: str
    time_ms: int
    fields: Mapping[str, object]
    span: Span
    late: bool = False
    skewed: bool = False


class Verb(StrEnum):
    """`restart`: the daemon stops and goes on from its snapshot. `idle`: a source falls silent at once. `reload`: it
    takes up rules again, as they are or with other fields. `silence`, `ack`: somebody says so (`swctl silence`, `ack`).
    """

    RESTART = "restart"
    IDLE = "idle"
    RELOAD = "reload"
    SILENCE = "silence"
    ACK = "ack"


Patch = Mapping[str, Mapping[str, Node]]
"""Rule → field → what it is from now on; null takes the field out."""


@dataclass(frozen=True, slots=True)
class Act:
    """Something that happens to the daemon; `source` is that of `idle`, `patch` that of `reload`.

    `said` is an entry of a file of silences, of `silence` and `ack`. `place` is where the test says it.
    """

    at_ms: int
    verb: Verb
    source: str = ""
    patch: Patch = field(default_factory=dict)
    said: Mapping[str, object] = field(default_factory=dict)
    place: Span | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class Skew:
    """From `at_ms` to `to_ms` (None: the end) the clocks of producers of `source` are off by `by_ms`; of all, or of
    those whose events have `fields`.
    """

    at_ms: int
    to_ms: int | None
    source: str
    by_ms: int
    fields: Mapping[str, object]

    def meets(self, event: Event) -> bool:
        is_in_time = event.at_ms >= self.at_ms and (self.to_ms is None or event.at_ms < self.to_ms)
        is_meant = all(event.fields.get(name) == value for name, value in self.fields.items())
        return event.source == self.source and is_in_time and is_meant and not event.late


class Kind(StrEnum):
    """What an expectation is about, by the field that names it."""

    ALARM = "alarm"
    KPI = "kpi"
    ANOMALY = "anomaly"
    LATE = "late"
    DEAD_LETTER = "dead_letter"


@dataclass(frozen=True, slots=True)
class Expectation:
    """An output that must (or must not) come. `fields` are those of its document, to be found in it.

    `at_ms` is its exact event time, `by_ms` the latest. `exact`: mappings must be equal, not only contain. `tolerance`
    is relative. `text` is how it was written.
    """

    kind: Kind
    name: str
    fields: Mapping[str, object]
    span: Span
    text: str
    at_ms: int | None = None
    by_ms: int | None = None
    exact: bool = False
    tolerance: float = 1e-6


@dataclass(frozen=True, slots=True)
class Case:
    """One test. `until_ms` is how far the clock runs (None: as far as the expectations need).

    `exact`: the alarms and KPIs that it expects something of do nothing else.
    """

    name: str
    span: Span
    start_ms: int = START_MS
    tables: Mapping[str, TableData] = field(default_factory=dict)
    events: Sequence[Event] = ()
    acts: Sequence[Act] = ()
    until_ms: int | None = None
    expect: Sequence[Expectation] = ()
    expect_no: Sequence[Expectation] = ()
    exact: bool = False


@dataclass(frozen=True, slots=True)
class Suite:
    """The tests of one file. `rules` are the rules files that it loads, by path; None stands for all.

    `models` is the folder of the models that score in them, "" for the project's.
    """

    path: str
    rules: frozenset[str] | None
    cases: tuple[Case, ...]
    problems: tuple[Diagnostic, ...]
    models: str = ""

    @property
    def failed(self) -> bool:
        return any(problem.is_error for problem in self.problems)
