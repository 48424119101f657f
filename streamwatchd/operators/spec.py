"""What running nodes are told to do, in frozen values that cross the process boundary.

Ids are hashes of meaning, so that equal work is shared and keeps its state over a reload.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property

from streamwatchd.calendars.calendar import Calendar
from streamwatchd.calendars.clock import DAY_MS, ClockTimes, LocalDays
from streamwatchd.lang.typed import Aggregate, Baseline, Expr, Firing, Template

LATER: Mapping[str, bool] = {"later": True}
"""Of fields that came when state was kept already. Where they say nothing they are no part of a plan's meaning, so that
rules which don't use them mean what they meant, and their state goes on."""

DERIVED: Mapping[str, bool] = {"derived": True}
"""Of fields that follow from others: they are no part of a plan's meaning."""


@dataclass(frozen=True, slots=True)
class KeyColumn:
    """One name of a key set: where a row finds it, and its kind ("string", "number", "bool")."""

    name: str
    expr: Expr
    kind: str


@dataclass(frozen=True, eq=False)
class Accumulation:
    """One accumulator fed from rows: `reads` as in `aggregates.base.Need`; `where` filters further.

    Tables look accumulations up at every judgement, so equality and hash go by their text, made once.
    """

    accumulator: str
    reads: str
    arg: Expr | None
    where: Expr | None

    @cached_property
    def text(self) -> str:
        return self._text()

    def _text(self) -> str:
        return f"{self.accumulator} {self.reads} {self.arg!r} {self.where!r}"

    @cached_property
    def tag(self) -> str:
        """A short name of its meaning, for partials and snapshots."""
        return hashlib.blake2b(self.text.encode(), digest_size=6).hexdigest()

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Accumulation) and self.text == other.text)

    def __hash__(self) -> int:
        return hash(self.text)


@dataclass(frozen=True, eq=False)
class StepAccumulation(Accumulation):
    """One that goes from sample to sample of a series: see `lang.typed.Stepwise`."""

    series: tuple[Expr, ...]
    gap_ms: int
    bits: int

    def _text(self) -> str:
        return f"{super()._text()} {self.series!r} {self.gap_ms} {self.bits}"


@dataclass(frozen=True, slots=True)
class TableSpec:
    """Panes of one width; `parent_ms` 0 means fed by rows, else rolled up from the table of that width."""

    width_ms: int
    parent_ms: int
    retention_ms: int
    accumulations: tuple[Accumulation, ...]

    @property
    def is_long(self) -> bool:
        """Whether it keeps so many panes that the closed ones are held in as few bytes as it takes."""
        return self.retention_ms > _FEW * self.width_ms


_FEW = 4


@dataclass(frozen=True, slots=True)
class FamilySpec:
    """All pane tables of one stream, key set and filter.

    The first `len(admits)` keys come from equality filters of rules; `admits` are the values that any rule asks for.
    `track_times`: panes keep the first and last event time per key; `forgets` are the (forget, every) in ms of the
    alarms that ask since when a key is known. `route` names the keys that choose the exchange partition, None for a
    family that is read where it is fed. `meaning` is the id of the KPI whose rows it takes in, "" on a source.
    `amend_ms`: for so long a rule that reads it takes in what comes late (0: none does).
    """

    id: str
    stream: str
    meaning: str
    keys: tuple[KeyColumn, ...]
    where: Expr | None
    admits: tuple[frozenset[str], ...]
    tables: tuple[TableSpec, ...]
    track_times: bool
    forgets: tuple[tuple[int, int], ...]
    route: tuple[int, ...] | None
    max_keys: int
    amend_ms: int = 0


@dataclass(frozen=True, slots=True)
class Window:
    """As read at T: the `size_ms` before end = floor(T − ago_ms to `step_ms`), from panes of `width_ms`."""

    size_ms: int
    step_ms: int
    ago_ms: int
    width_ms: int

    def end(self, judged_ms: int) -> int:
        return (judged_ms - self.ago_ms) // self.step_ms * self.step_ms

    def start(self, judged_ms: int) -> int:
        return self.end(judged_ms) - self.size_ms

    @property
    def manner(self) -> tuple[object, ...]:
        """What windows of equal panes, read at one T, have in common if they are equal."""
        return self.size_ms, self.ago_ms

    @property
    def reach_ms(self) -> int:
        """No window that holds an instant is read so much later, or after."""
        return self.size_ms + self.ago_ms


@dataclass(frozen=True, slots=True)
class DayWindow(Window):
    """One that is read at midnights T of a zone: whole days in it are as long as the zone makes them."""

    zone: str

    def end(self, judged_ms: int) -> int:
        return LocalDays(self.zone, self.step_ms // DAY_MS).back(judged_ms, -(-self.ago_ms // DAY_MS))

    def start(self, judged_ms: int) -> int:
        end = self.end(judged_ms)
        days, rest_ms = divmod(self.size_ms, DAY_MS)
        return end - self.size_ms if rest_ms else LocalDays(self.zone, 1).back(end, days)

    @property
    def manner(self) -> tuple[object, ...]:
        return self.size_ms, self.ago_ms, self.step_ms, self.zone

    @property
    def reach_ms(self) -> int:
        return self.size_ms + self.ago_ms + self.step_ms + DAY_MS


@dataclass(frozen=True, slots=True)
class Reading:
    """An aggregate where it is read. `project` maps the reader's key to the family's key, None where they are equal."""

    aggregate: Aggregate
    family: str
    function: str
    accumulations: tuple[Accumulation, ...]
    window: Window
    project: tuple[int, ...] | None


@dataclass(frozen=True, slots=True)
class ValueSpec:
    """An entry of `values:`; `integral` values print as whole numbers."""

    name: str
    expr: Expr
    integral: bool


@dataclass(frozen=True, slots=True)
class KpiMember:
    """One KPI of a family of one shape: it has the keys that begin with its `constants`.

    `meaning` names what its rows are, for those who read them by its name. One that is not `written` has no other use;
    it belongs to a `ScoreSpec`, which says so in the plan's digest.
    """

    name: str
    meaning: str
    constants: tuple[str, ...]
    labels: Mapping[str, str]
    written: bool = field(default=True, repr=False)
    shadow: bool = field(default=False, repr=False, metadata=LATER)


@dataclass(frozen=True, slots=True)
class KpiSpec:
    """KPIs of one shape: `lifted` of the family's keys are the constants in which they differ.

    With `session_ms` > 0 there is one, its windows are sessions and `window` is unused. With `days` it is judged at
    these midnights, which are multiples of `every_ms`; its windows say so too.
    """

    id: str
    members: tuple[KpiMember, ...]
    family: str
    keys: tuple[KeyColumn, ...]
    lifted: int
    every_ms: int
    window: Window
    session_ms: int
    readings: tuple[Reading, ...]
    values: tuple[ValueSpec, ...]
    when: Expr | None
    context: tuple[tuple[str, Expr], ...]
    amend_ms: int = 0
    days: LocalDays | None = field(default=None, repr=False, metadata=LATER)


@dataclass(frozen=True, slots=True)
class TopKpiSpec(KpiSpec):
    """Of whose rows only those of the keys with the greatest `value` are written: see `rules.ruleset.Top`."""

    most: int = 0
    value: str = ""
    until: int = 0


@dataclass(frozen=True, slots=True)
class LevelSpec:
    severity: str
    when: Expr
    for_ms: int
    until: Expr | None
    until_for_ms: int


@dataclass(frozen=True, slots=True)
class Member:
    """One rule of a family of alarms of one shape: what differs is `params` and the lifted `constants`.

    `meaning` names what it judges, whatever it is called and whatever it says.
    """

    name: str
    digest: str
    meaning: str
    params: tuple[float, ...]
    constants: tuple[str, ...]
    severities: tuple[str, ...]
    labels: Mapping[str, str]
    message: Template | None
    runbook: str
    limit_per_minute: int
    max_active: int
    shadow: bool = field(default=False, repr=False, metadata=LATER)
    """What comes of it goes to the shadow topic."""


@dataclass(frozen=True, slots=True)
class AlarmShape:
    """What the members of a family have in common. Levels are most severe first."""

    keys: tuple[KeyColumn, ...]
    values: tuple[ValueSpec, ...]
    levels: tuple[LevelSpec, ...]
    context: tuple[tuple[str, Expr], ...]


@dataclass(frozen=True, slots=True)
class ExpectSpec:
    """Rows of a table are keys: those for which `where` is true, which reads the key `key` and columns of tables.

    `kind` is that of the key. A task has the keys whose values at the places `route` lead to it.
    """

    table: str
    key: KeyColumn
    where: Expr | None
    route: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class MuteSpec:
    """While `unless` is true alarms notify nobody. `firings` are the states of other alarms that it reads, each with
    the feed that brings them, and `calendars` those that it names."""

    unless: Expr
    firings: tuple[tuple[Firing, str], ...] = ()
    calendars: tuple[Calendar, ...] = ()


@dataclass(frozen=True, slots=True)
class PauseSpec:
    """While `expr` is true, which joins `During`s by logic, a rule is not judged. It names these `calendars`."""

    expr: Expr
    calendars: tuple[Calendar, ...]


@dataclass(frozen=True, slots=True)
class Repeat:
    """An alarm of `rule` that goes on is told again after `first_ms`, then each time after twice as long, up to
    `most_ms`."""

    rule: str
    first_ms: int
    most_ms: int


@dataclass(frozen=True, slots=True)
class Flap:
    """A key of `rule` whose alarm changes `changes` times within `window_ms` flaps, until `until` changes or fewer lie
    within."""

    rule: str
    changes: int
    window_ms: int
    until: int


@dataclass(frozen=True, slots=True)
class WindowAlarmSpec:
    """Alarms judged at multiples of `every_ms` on windows. `lifted` of the base family's keys are constants.

    `warming` lists, per level, the windows that make its raise and its clear condition null while they begin before
    the key was known.
    """

    id: str
    shape: AlarmShape
    members: tuple[Member, ...]
    family: str
    lifted: int
    every_ms: int
    readings: tuple[Reading, ...]
    warming: tuple[tuple[tuple[Window, ...], tuple[Window, ...]], ...]
    partial: bool
    min_history_ms: int | None
    forget_ms: int
    silence: Reading | None
    silence_action: str
    amend_ms: int = 0
    expect: ExpectSpec | None = field(default=None, repr=False, metadata=LATER)
    mute: MuteSpec | None = field(default=None, repr=False, metadata=LATER)
    repeats: tuple[Repeat, ...] = field(default=(), repr=False, metadata=LATER)
    flaps: tuple[Flap, ...] = field(default=(), repr=False, metadata=LATER)
    clock: ClockTimes | None = field(default=None, repr=False, metadata=LATER)
    """Its id says it too."""
    pause: PauseSpec | None = field(default=None, repr=False, metadata=LATER)


@dataclass(frozen=True, slots=True)
class BaselineSpec:
    """`usual` and `spread` of `expr`, which reads aggregates, keys and table columns; `nodes` are those that rules say.

    It is kept at multiples of `step_ms`.
    """

    id: str
    expr: Expr
    nodes: tuple[Baseline, ...]
    step_ms: int


@dataclass(frozen=True, slots=True)
class LearningAlarmSpec(WindowAlarmSpec):
    """With what is usual; `learnt` says per level whether its raise and its clear condition read that."""

    baselines: tuple[BaselineSpec, ...] = ()
    learnt: tuple[tuple[bool, bool], ...] = ()


@dataclass(frozen=True, slots=True)
class SequenceSpec:
    """Rows of a key that meet `steps` in order within `within_ms`, and then, where `never` is given, no row that meets
    that for the rest of it. With `until` it lasts until a row meets that; without it has no end. Rows come as `also`
    too, with the same columns."""

    steps: tuple[Expr, ...]
    never: Expr | None
    until: Expr | None
    within_ms: int
    also: tuple[str, ...] = field(default=(), repr=False, metadata=LATER)


@dataclass(frozen=True, slots=True)
class RowAlarmSpec:
    """Alarms judged on rows. `occurrence`: no key, each true row is one. `ordered`: waits for the watermark.

    `lifted` are the expressions whose constants the members carry: a member judges only rows that equal them.
    Silence (`silence_ms` 0: never asked) and forgetting are judged at multiples of `every_ms`.
    """

    id: str
    stream: str
    shape: AlarmShape
    members: tuple[Member, ...]
    where: Expr | None
    lifted: tuple[Expr, ...]
    max_keys: int
    occurrence: bool
    ordered: bool
    tie_breakers: tuple[Expr, ...]
    every_ms: int
    forget_ms: int
    silence_ms: int
    silence_action: str
    sequence: SequenceSpec | None = field(default=None, repr=False, metadata=LATER)
    mute: MuteSpec | None = field(default=None, repr=False, metadata=LATER)
    repeats: tuple[Repeat, ...] = field(default=(), repr=False, metadata=LATER)
    flaps: tuple[Flap, ...] = field(default=(), repr=False, metadata=LATER)
    pause: PauseSpec | None = field(default=None, repr=False, metadata=LATER)


@dataclass(frozen=True, slots=True)
class RowFeedSpec:
    """Rows of `stream` that travel to the partition of their `route` values, where they are stream `name`.

    Only rows where `where` is true travel, with the `columns` that their readers read. `route` names columns. Rows that
    go `everywhere` go to all partitions; later stages hear of the watermark once it has passed a multiple of `step_ms`.
    """

    name: str
    stream: str
    where: Expr | None
    columns: tuple[KeyColumn, ...]
    route: tuple[str, ...]
    everywhere: bool = field(default=False, repr=False, metadata=LATER)
    step_ms: int = field(default=1, repr=False)


@dataclass(frozen=True, slots=True)
class JoinSpec:
    """A stream made of two or more KPI streams, joined on `keys` at equal event time.

    `inputs` are (stream as it arrives, name in the rule); `columns` are (name in the rule, column, kind) and called
    `name.column` in the joined stream.
    """

    id: str
    name: str
    inputs: tuple[tuple[str, str], ...]
    keys: tuple[KeyColumn, ...]
    columns: tuple[tuple[str, str, str], ...]


@dataclass(frozen=True, slots=True)
class ScoreSpec:
    """Rows of `stream` that a model scores; with their score they are rows of the stream `name`.

    `input_meaning` is that of the rows that come in, `meaning` of those that go out. `values` and `keys` read the rows
    that come in, `features` name values in the order of the model. `model` is as the rule calls it, `missing` as in
    `rules.ruleset.Anomaly`. A scored row where one of `whens` is true is an anomaly event, with `context` and `labels`.
    What a model keeps of a key goes when the key has no row for `forget_ms`.
    """

    id: str
    name: str
    meaning: str
    stream: str
    input_meaning: str
    keys: tuple[KeyColumn, ...]
    where: Expr | None
    values: tuple[ValueSpec, ...]
    features: tuple[str, ...]
    model: str
    missing: str
    forget_ms: int
    whens: tuple[Expr, ...]
    context: tuple[tuple[str, Expr], ...]
    labels: Mapping[str, str]
    shadow: bool = field(default=False, repr=False, metadata=LATER)
