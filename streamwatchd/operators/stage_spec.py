"""What tasks run: the nodes of a stage, the sources, the whole plan.

Frozen values, as in `spec.py`, that cross the process boundary.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol, TypeVar

from streamwatchd.calendars.silence import Ack, Silence
from streamwatchd.lang.typed import Expr, TableColumn
from streamwatchd.operators.grid import Grid
from streamwatchd.operators.spec import (
    DERIVED,
    LATER,
    FamilySpec,
    JoinSpec,
    KpiSpec,
    RowAlarmSpec,
    RowFeedSpec,
    ScoreSpec,
    WindowAlarmSpec,
)
from streamwatchd.repository.store import ModelData


class _Named(Protocol):
    @property
    def id(self) -> str: ...


Part = TypeVar("Part", bound=_Named)


@dataclass(frozen=True, slots=True)
class StageSpec:
    """What a task runs: of stage 1 with one source, of a later stage with what the exchange brings.

    `inputs` are the streams whose watermarks come from outside: stage 1, the source; later, every stream that a
    family or row feed brings. `roots` says for every node which inputs it waits for. `order` names nodes so that
    every one comes before its readers. `sends` and `feeds` go to a later stage (`targets`: family or feed → stage).
    `paces` are the ms by whose multiples readers of session KPIs behind the exchange go on: rows come there.
    `grids` say of what is sent at which instants anything of later stages may be due, besides the ends of panes.
    `amend_ms` is how far back rules of any stage may judge again what this stage reads or sends. Others want to know
    whether the alarms `told` are up, and later stages where time began for the streams `begins`.
    """

    stage: int
    inputs: tuple[str, ...]
    order: tuple[str, ...]
    roots: Mapping[str, frozenset[str]]
    families: tuple[FamilySpec, ...] = ()
    kpis: tuple[KpiSpec, ...] = ()
    window_alarms: tuple[WindowAlarmSpec, ...] = ()
    row_alarms: tuple[RowAlarmSpec, ...] = ()
    joins: tuple[JoinSpec, ...] = ()
    scores: tuple[ScoreSpec, ...] = field(default=(), metadata=LATER)
    sends: tuple[FamilySpec, ...] = ()
    feeds: tuple[RowFeedSpec, ...] = ()
    targets: Mapping[str, int] = field(default_factory=dict)
    paces: Mapping[str, int] = field(default_factory=dict)
    amend_ms: int = 0
    told: tuple[str, ...] = field(default=(), metadata=LATER)
    begins: tuple[str, ...] = field(default=(), metadata=LATER)
    grids: Mapping[str, tuple[Grid, ...]] = field(default_factory=dict, metadata=DERIVED)

    def sharing(self, other: StageSpec) -> StageSpec:
        """The same, with the very parts of another stage where they are equal: many tasks then compare them at once."""
        nodes: tuple[_Named, ...] = (*other.kpis, *other.window_alarms, *other.row_alarms, *other.joins, *other.scores)
        known = {part.id: part for part in nodes}
        families = {part.id: part for part in (*other.families, *other.sends)}
        return replace(
            self,
            families=_shared(self.families, families),
            sends=_shared(self.sends, families),
            kpis=_shared(self.kpis, known),
            window_alarms=_shared(self.window_alarms, known),
            row_alarms=_shared(self.row_alarms, known),
            joins=_shared(self.joins, known),
            scores=_shared(self.scores, known),
        )


def _shared(mine: tuple[Part, ...], known: Mapping[str, Any]) -> tuple[Part, ...]:
    return tuple(theirs if (theirs := known.get(part.id)) == part else part for part in mine)


@dataclass(frozen=True, slots=True)
class SourceSpec:
    """How records of a source become rows: see `rules.ruleset.Source`. `reads` are the columns that rules use."""

    name: str
    topic: str
    format: str
    time: str
    time_unit: str
    max_delay_ms: int
    idle_after_ms: int
    key: str
    declared: Mapping[str, str]
    inferred: Mapping[str, str]
    drop: Expr | None
    sample: float
    required: tuple[tuple[str, str | TableColumn], ...]
    enriched: tuple[tuple[str, Expr], ...]
    max_bytes: int
    drops_late: bool = field(default=False, repr=False)


@dataclass(frozen=True, slots=True)
class LogicalPlan:
    """Everything that runs: per source its stage-1 work, and the later stages.

    `feeders` maps every stream that crosses the exchange to where it comes from: ("source", topics) or ("stage", n).
    `defaults` are the tables' values for keys that they lack, `models` the versions that score, by anomaly rule,
    `silences` and `acks` those of each alarm. `placed`: in how many partitions of a topic its keys lie, where this is
    known to have changed.
    """

    sources: Mapping[str, SourceSpec]
    first: Mapping[str, StageSpec]
    later: tuple[StageSpec, ...]
    feeders: Mapping[str, tuple[str, ...]]
    defaults: Mapping[str, Mapping[str, object]]
    models: Mapping[str, ModelData] = field(default_factory=dict, metadata=LATER)
    silences: Mapping[str, tuple[Silence, ...]] = field(default_factory=dict, metadata=LATER)
    acks: Mapping[str, tuple[Ack, ...]] = field(default_factory=dict, metadata=LATER)
    placed: Mapping[str, int] = field(default_factory=dict, metadata=LATER)

    def sessions(self) -> frozenset[str]:
        """The families of KPIs whose windows are sessions."""
        return frozenset(k.family for stage in (*self.first.values(), *self.later) for k in stage.kpis if k.session_ms)

    def alarm_names(self) -> frozenset[str]:
        """The alarms of all stages."""
        stages = [*self.first.values(), *self.later]
        windowed = [member.name for stage in stages for alarm in stage.window_alarms for member in alarm.members]
        rows = [member.name for stage in stages for alarm in stage.row_alarms for member in alarm.members]
        return frozenset([*windowed, *rows])
