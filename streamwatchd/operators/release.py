"""When a key lets go of its id: once nothing of it can matter any more, as of multiples of ten minutes.

A key whose newest event lies further back than anybody looks (its space's `keep_ms`: windows, `forget`, gaps of
counters, baselines) has no pane, no alarm and no hold left, so another key may have its place. Who lives as of an
instant is a matter of event times alone, however records were batched; `keep_ms` never shrinks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import numpy.typing as npt

from streamwatchd.lang.typed import BASELINE_REACH_MS
from streamwatchd.operators.asking import BEGINNING
from streamwatchd.operators.baseline import HOUR_MS
from streamwatchd.operators.keyspace import NO_BOUND, KeySpace
from streamwatchd.operators.known import UNKNOWN
from streamwatchd.operators.kpi import KpiNode
from streamwatchd.operators.node import Node
from streamwatchd.operators.row_alarm import RowAlarmNode
from streamwatchd.operators.sequence import SequenceNode
from streamwatchd.operators.session import SessionNode
from streamwatchd.operators.spec import (
    FamilySpec,
    KeyColumn,
    KpiSpec,
    LearningAlarmSpec,
    RowAlarmSpec,
    StepAccumulation,
)
from streamwatchd.operators.stage_spec import StageSpec
from streamwatchd.operators.window_alarm import WindowAlarmNode

STEP_MS = 600_000

Names = tuple[str, ...]
Ids = npt.NDArray[np.intp]


def step_before(limit_ms: int) -> int:
    """The newest instant as of which ids may be taken back, when everything up to a limit has been judged."""
    return BEGINNING if limit_ms == BEGINNING else limit_ms // STEP_MS * STEP_MS


def keeps(spec: StageSpec) -> Iterator[tuple[Names, int]]:
    """Key names, and how long after its last event a key with such names may still matter to somebody, in ms."""
    families = {family.id: family for family in (*spec.families, *spec.sends)}
    spare_ms = 2 * STEP_MS + max(spec.paces.values(), default=0)
    for family in families.values():
        yield _names(family.keys), _reach_of(family) + spare_ms
    for kpi in spec.kpis:
        yield _names(families[kpi.family].keys), _session_of(kpi) + spare_ms
    for alarm in spec.window_alarms:
        learns_ms = BASELINE_REACH_MS + HOUR_MS if isinstance(alarm, LearningAlarmSpec) else 0
        yield _names(families[alarm.family].keys), max(alarm.forget_ms + alarm.every_ms, learns_ms) + spare_ms
    for rows in spec.row_alarms:
        yield _names(rows.shape.keys), _rows_reach(rows) + spare_ms


def _names(keys: Iterable[KeyColumn]) -> Names:
    return tuple(key.name for key in keys)


def _reach_of(family: FamilySpec) -> int:
    known = [forget + every for forget, every in family.forgets]
    gaps = [a.gap_ms for table in family.tables for a in table.accumulations if isinstance(a, StepAccumulation)]
    windows = [table.width_ms + table.retention_ms + family.amend_ms for table in family.tables]
    return max([*known, *gaps, *windows])


def _session_of(kpi: KpiSpec) -> int:
    return kpi.session_ms + kpi.every_ms


def _rows_reach(spec: RowAlarmSpec) -> int:
    within = 0 if spec.sequence is None else spec.sequence.within_ms
    return max(spec.forget_ms, spec.silence_ms) + spec.every_ms + within


def release(spaces: Mapping[Names, KeySpace], nodes: Iterable[Node], at_ms: int) -> None:
    """Take ids back as of an instant up to which everything has been judged."""
    due = [space for space in spaces.values() if space.released_ms < at_ms]
    stale = {id(space): space.stale(at_ms) for space in due}
    if any(map(len, stale.values())):
        for node in nodes:
            for space, held in _held(node):
                if id(space) in stale:
                    stale[id(space)] = np.setdiff1d(stale[id(space)], held)
    for space in due:
        space.release(stale[id(space)], at_ms)


def _held(node: Node) -> Iterator[tuple[KeySpace, Ids]]:
    """Keys that are up, holding, expected, or asked for by others, whenever their last event was."""
    match node:
        case WindowAlarmNode():
            yield node.family.space, node.pairs.key[node.life.active()]
            yield from node.reader.projected()
            if node.expected is not None:
                yield node.family.space, np.flatnonzero(node.expected.since != UNKNOWN)
        case KpiNode():
            yield from node.reader.projected()
        case SessionNode():
            yield node.family.space, np.flatnonzero(node.open.count)
        case SequenceNode():
            yield node.space, np.array(sorted(node.tracks), np.intp)
        case RowAlarmNode():
            yield node.space, np.array(sorted({key for _, key in node.places}), np.intp)


def room(spaces: Iterable[KeySpace]) -> int:
    """How many more keys may come before one is beyond its bound, whichever they are of."""
    return min((space.bound - space.living for space in spaces), default=NO_BOUND)
