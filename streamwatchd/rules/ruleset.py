"""Checked rules: what a project's files mean. Times are ms, expressions are typed trees."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from streamwatchd.calendars.calendar import Calendar
from streamwatchd.calendars.clock import ClockTimes, LocalDays
from streamwatchd.calendars.silence import Ack, Silence
from streamwatchd.diagnostics import Span
from streamwatchd.lang.typed import Expr, Firing, Template, Type, walk
from streamwatchd.repository.store import ModelData

SHADOW_OF = " shadow"
"""What follows the name of an anomaly rule in that of its version on trial; no name has a space."""
COUNTER_GAP_MS = 1_200_000
"""How far apart two samples of a counter may lie, unless its declaration says so."""
SEVERITIES = ("critical", "major", "minor", "warning", "info")


@dataclass(frozen=True, slots=True)
class FieldDeclaration:
    """A declared field. `counter` marks a counter (kind number) that restarts; `per` names what it counts for.

    A sample more than `gap_ms` after the one before begins anew. A counter of so many `bits` wraps; 0: never.
    """

    type: Type
    counter: bool = False
    per: tuple[str, ...] = ()
    gap_ms: int = COUNTER_GAP_MS
    bits: int = 0


@dataclass(frozen=True, slots=True)
class Enrichment:
    """`enrich: {devices: host}`: join `table` on the event's field `on`."""

    table: str
    on: str


@dataclass(frozen=True, slots=True)
class Source:
    """A Kafka topic of events. `time` is a field name, or "kafka" for the record timestamp.

    `time_unit` is "s", "ms", "us", "ns" or "" (found by size). `fields` are the declared fields; `inferred` those that
    rules read without a declaration, with the kind their uses gave. `sample` is a share in (0, 1]. With `drops_late`
    late events are counted and not written.
    """

    name: str
    topic: str
    format: str = "json"
    time: str = "time"
    time_unit: str = ""
    max_delay_ms: int = 5_000
    idle_after_ms: int = 30_000
    key: str = ""
    fields: Mapping[str, FieldDeclaration] = field(default_factory=dict)
    inferred: Mapping[str, Type] = field(default_factory=dict)
    drop: Expr | None = None
    sample: float = 1.0
    enrich: tuple[Enrichment, ...] = ()
    strict: bool = False
    emit_enriched: bool = False
    drops_late: bool = False


@dataclass(frozen=True, slots=True)
class Table:
    """A dimension table of `enrichment.d/`: `columns` without the key column; `path` is the data file.

    `missing` says what an event gets whose key is not in the table: "null" (its columns are null), "drop" (the event
    is dropped and counted) or "default" (the values of `defaults`).
    """

    name: str
    path: str
    key: str
    columns: Mapping[str, Type]
    missing: str = "null"
    defaults: Mapping[str, float | str | bool | None] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NamedValue:
    """An entry of `values:`; entries may read the ones before them as `Value` nodes."""

    name: str
    expr: Expr


@dataclass(frozen=True, slots=True)
class Level:
    """One level: raised when `when` has held for `for_ms`; cleared when `until` (or not `when`) has held."""

    severity: str
    when: Expr
    for_ms: int = 0
    until: Expr | None = None
    until_for_ms: int = 0


@dataclass(frozen=True, slots=True)
class NoData:
    """`keep`, `alert` or `resolve` after `after_ms` without an event of the key (0 with keep)."""

    action: str = "keep"
    after_ms: int = 0


@dataclass(frozen=True, slots=True)
class Expect:
    """`expect: TABLE where C`: rows of the table are keys, heard of or not. `where` reads `Key` and `TableColumn`s of
    the key; what the rule's own `where` says of keys alone is part of it."""

    table: str
    where: Expr | None


@dataclass(frozen=True, slots=True)
class Sequence:
    """Events that meet `steps` in order within `within_ms`; `never`: and then none that meets that for the rest of it.

    `until` is what ends the alarm; without, it has no end. All read rows of the rule's own source, but where `of` names
    another for a step (or, as its last entry, for `never`; empty: all are its own): their fields say so too. `keys`
    says where events of each other source have the keys of the rule.
    """

    steps: tuple[Expr, ...]
    never: Expr | None
    until: Expr | None
    within_ms: int
    of: tuple[str, ...] = field(default=(), repr=False)
    keys: tuple[tuple[str, tuple[Expr, ...]], ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class KeyField:
    """One name of `by`: where a row finds it (`Field` or `TableColumn`)."""

    name: str
    expr: Expr


@dataclass(frozen=True, slots=True)
class RuleCommon:
    """What KPIs and alarms share.

    `sources` has one name, or several that are joined on their common keys at equal window end; each is a source or a
    KPI. `where` filters rows. `context` are the table columns that a key brings along. `span` is the rule's place;
    `digest` the hash of its text.
    """

    name: str
    sources: tuple[str, ...]
    by: tuple[KeyField, ...]
    where: Expr | None
    every_ms: int
    values: tuple[NamedValue, ...]
    context: tuple[Expr, ...]
    labels: Mapping[str, str]
    max_keys: int
    forget_ms: int
    span: Span
    digest: str
    amend: bool = False
    amend_for_ms: int = 0
    shadow: bool = False
    """What comes of it goes to the shadow topic; no part of its meaning."""
    said: str = field(default="", compare=False, repr=False)
    """The hash of all that it says, wherever the words stand."""
    taken: tuple[tuple[str, Span], ...] = field(default=(), compare=False, repr=False)
    """What it says elsewhere, such as `severity` or `labels.team`, with the places."""


@dataclass(frozen=True, slots=True)
class Top:
    """`top: most by value until until`: ranks up to `most` come in, and stay in up to rank `until`."""

    most: int
    value: str
    until: int


@dataclass(frozen=True, slots=True)
class Kpi(RuleCommon):
    """A KPI: one row per key and window that holds an event.

    `over_ms` is the window, `every_ms` the step; with `session_ms` > 0 windows are sessions with that gap and
    `over_ms` is 0. `when` and `top` filter what is emitted (not what rules on this KPI see); `when` reads `Value` and
    `Key`. With `days` windows end at midnights of a zone, and whole days in them are days of it; `every_ms` is then how
    long these are by and large.
    """

    over_ms: int = 0
    session_ms: int = 0
    when: Expr | None = None
    top: Top | None = None
    days: LocalDays | None = None

    @property
    def zone(self) -> str:
        """Of the days that its windows are; "" where they are aligned to UTC."""
        return "" if self.days is None else self.days.zone


@dataclass(frozen=True, slots=True)
class Flapping:
    """A key whose alarm changes (fires, resolves) `changes` times within `window_ms` flaps, until `until` changes or
    fewer lie within."""

    changes: int
    window_ms: int
    until: int = 0


@dataclass(frozen=True, slots=True)
class Alarm(RuleCommon):
    """An alarm with one or more levels, most severe first.

    `windowless`: no aggregate anywhere; levels then read rows (`Field`, `TableColumn`) and `in_order` says whether
    it waits for the watermark; with a `sequence` it does, and its one level says nothing but the severity.
    Otherwise it is judged at multiples of `every_ms` on aggregates, `Key`, `Value` and
    `TableColumn` of keys. `limit_per_minute` 0 is off; `max_active` bounds notifications. `is_state`: without `by` it
    has one state, where rows would else be occurrences. `repeat_ms`: after how long an alarm that goes on is told
    again, and the longest that this wait may become. While `pause` is true, which joins `During`s by logic, it is not
    judged.
    """

    levels: tuple[Level, ...] = ()
    windowless: bool = False
    in_order: bool = False
    no_data: NoData = NoData()
    partial: bool = False
    min_history_ms: int | None = None
    message: Template | None = None
    runbook: str = ""
    limit_per_minute: int = 0
    max_active: int = 0
    is_state: bool = False
    expect: Expect | None = None
    unless: Expr | None = None
    repeat_ms: tuple[int, int] | None = None
    flapping: Flapping | None = None
    pause: Expr | None = None
    clock: ClockTimes | None = None
    sequence: Sequence | None = None

    @property
    def is_endless(self) -> bool:
        """What it tells of is an occurrence with no end: a row that is true, a sequence that is through."""
        if self.sequence is not None:
            return self.sequence.until is None
        return self.windowless and not self.by and not self.is_state


@dataclass(frozen=True, slots=True)
class Anomaly(RuleCommon):
    """An anomaly rule: rows of `values`, each scored by a model, and levels that judge them with their score.

    `windowed`: values are aggregates over windows that end at multiples of `every_ms`, of which one is `every_ms` long
    unless it says `over`. Otherwise they are read off the rows of the KPIs in `sources`. `features` are names of
    `values`, in the order in which the model takes them. `model` is `name`, or `name@version` for that one alone.
    `missing` says what is done where a feature is null: "skip" (no score) or "center" (as in the training's middle).
    Levels read `Field`s of the scored row: keys, values and `score`. `unless`, `pause` and `repeat_ms` are as in
    `Alarm`.
    """

    model: str = ""
    features: tuple[str, ...] = ()
    missing: str = "skip"
    windowed: bool = False
    levels: tuple[Level, ...] = ()
    no_data: NoData = NoData()
    message: Template | None = None
    runbook: str = ""
    max_active: int = 0
    unless: Expr | None = None
    repeat_ms: tuple[int, int] | None = None
    flapping: Flapping | None = None
    pause: Expr | None = None

    @property
    def feature_types(self) -> tuple[Type, ...]:
        """With their units, in order."""
        types = {value.name: value.expr.type for value in self.values}
        return tuple(types[name] for name in self.features)


Rule = Kpi | Alarm | Anomaly


def reads(rule: Rule) -> tuple[str, ...]:
    """The streams that a rule reads, and the alarms that its `unless` asks for."""
    unless = None if isinstance(rule, Kpi) else rule.unless
    asked = (each.rule for each in walk(unless) if isinstance(each, Firing)) if unless is not None else ()
    return (*rule.sources, *asked)


@dataclass(frozen=True, slots=True)
class RuleSet:
    """All that is in force: `rules` in order of file and place (a KPI before what reads it is not required).

    `models` are the versions that score, by anomaly rule, and those on trial by its name and `SHADOW_OF`.
    `silences` and `acks` are those of each alarm.
    """

    sources: Mapping[str, Source]
    tables: Mapping[str, Table]
    rules: tuple[Rule, ...]
    models: Mapping[str, ModelData] = field(default_factory=dict)
    calendars: Mapping[str, Calendar] = field(default_factory=dict)
    silences: Mapping[str, tuple[Silence, ...]] = field(default_factory=dict)
    acks: Mapping[str, tuple[Ack, ...]] = field(default_factory=dict)

    def rule(self, name: str) -> Rule:
        """Raises KeyError for an unknown name."""
        for rule in self.rules:
            if rule.name == name:
                return rule
        raise KeyError(name)
