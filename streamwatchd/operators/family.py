"""A family: all pane tables of one stream, key set and filter, and since when each key is known.

Rows enter the finest table only; wider tables are rolled up from its closed panes. A family is fed by rows, or behind
the exchange by partials, one final one per feeder and pane.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import numpy as np
import numpy.typing as npt

from streamwatchd.aggregates.accumulator import State, array_of, grown
from streamwatchd.batch import TRUE, Frame, Rows, Strings, Times, take
from streamwatchd.operators.evaluate import Evaluator
from streamwatchd.operators.keyspace import OVERFLOW, KeySpace, KeyTuple
from streamwatchd.operators.node import first_multiple_above
from streamwatchd.operators.panes import Feed, Pane, PaneTable, pack_pane, unpack_pane
from streamwatchd.operators.spec import Accumulation, FamilySpec, Window
from streamwatchd.packing import Frozen, thawed

UNKNOWN = np.iinfo(np.int64).max
"""`since` of a key that is not known."""

BEGINNING, FOREVER = -(2**62), 2**62


@dataclass(slots=True)
class Partial:
    """What one feeder says of one pane: key values and a pane with one place each."""

    keys: list[KeyTuple]
    pane: Pane


@dataclass(slots=True)
class Known:
    """Per key id: the event time that made it known and its last one, for readers that forget in one way.

    A key is forgotten at the first multiple T of `every_ms` with no event in [T − forget_ms, T).
    """

    forget_ms: int
    every_ms: int
    since: Times = field(default_factory=lambda: np.zeros(0, np.int64))
    last: Times = field(default_factory=lambda: np.zeros(0, np.int64))
    begins_ms: int = BEGINNING

    def grow(self, size: int) -> None:
        self.since, self.last = grown(self.since, size, UNKNOWN), grown(self.last, size, BEGINNING)

    def note(self, here: Rows, pane: Pane, size: int) -> None:
        """Events of a pane that is closed; panes come in order of time."""
        self.grow(size)
        first = pane.first[here]
        known = self.since[here] != UNKNOWN
        forgotten_at = ((np.where(known, self.last[here], 0) + self.forget_ms) // self.every_ms + 1) * self.every_ms
        fresh = ~known | (forgotten_at <= first)
        self.since[here[fresh]] = first[fresh]
        self.last[here] = np.maximum(self.last[here], pane.last[here])

    def at(self, judged_ms: int, size: int) -> tuple[Times, npt.NDArray[np.bool_]]:
        """Since when each key is known at T (`UNKNOWN` if it is not), and which are forgotten."""
        self.grow(size)
        forgotten = (self.last < judged_ms - self.forget_ms) & (self.since != UNKNOWN)
        return np.where(forgotten | (self.since >= judged_ms), UNKNOWN, self.since), forgotten

    def next_forgotten(self, after_ms: int) -> int | None:
        """The earliest last event that is not forgotten yet at `after_ms`, plus the time to forget."""
        living = self.last[(self.since != UNKNOWN) & (self.last >= after_ms - self.forget_ms)]
        return int(living.min()) + self.forget_ms if len(living) else None


@dataclass(slots=True)
class Family:
    """State per task, final up to `closed_ms`."""

    spec: FamilySpec
    space: KeySpace
    evaluator: Evaluator
    tables: dict[int, PaneTable] = field(default_factory=dict)
    known: dict[tuple[int, int], Known] = field(default_factory=dict)
    closed_ms: int = BEGINNING
    begins_ms: int = BEGINNING
    until_ms: int = FOREVER
    young: list[tuple[int, tuple[frozenset[str], ...]]] = field(default_factory=list)
    began: dict[tuple[int, Accumulation], int] = field(default_factory=dict)
    unkeyed: int = 0
    overflowed: int = 0
    pending: dict[int, dict[str, Partial]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        for table in self.spec.tables:
            track = self.spec.track_times and table.parent_ms == 0
            self.tables[table.width_ms] = PaneTable(table.width_ms, table.accumulations, track_times=track)
        self.known = {manner: Known(*manner) for manner in self.spec.forgets}

    @property
    def finest(self) -> PaneTable:
        return self.tables[self.spec.tables[0].width_ms]

    # change

    def extend(self, spec: FamilySpec, at_ms: int) -> None:
        """What `spec` asks for beyond what is here begins at E; what it asks no more is kept until then."""
        self.until_ms = FOREVER
        if self.spec.admits != spec.admits:
            self.young.append((at_ms, self.spec.admits))
        for table in spec.tables:
            mine = self.tables.get(table.width_ms)
            fresh = set(table.accumulations) - set(mine.accumulations if mine is not None else ())
            for accumulation in table.accumulations if mine is None else fresh:
                self.began[table.width_ms, accumulation] = at_ms
            if mine is None:
                track = spec.track_times and table.parent_ms == 0
                self.tables[table.width_ms] = PaneTable(table.width_ms, table.accumulations, track_times=track)
            else:
                mine.accumulations = tuple(dict.fromkeys((*mine.accumulations, *table.accumulations)))
                mine.track_times |= spec.track_times and table.parent_ms == 0
        for manner in spec.forgets:
            if manner not in self.known:
                self.known[manner] = self._known_like(manner, at_ms)
        self.spec = _united(self.spec, spec)

    def _known_like(self, manner: tuple[int, int], at_ms: int) -> Known:
        for other in self.known.values():
            return Known(*manner, other.since.copy(), other.last.copy())
        return Known(*manner, begins_ms=at_ms)

    def began_at(self, width_ms: int, accumulations: Sequence[Accumulation]) -> int:
        """Since when all of these are kept; windows that start before are not whole."""
        return max([self.begins_ms, *(self.began.get((width_ms, a), BEGINNING) for a in accumulations)])

    # feeding

    def add_rows(self, frame: Frame) -> None:
        """Rows of the stream, none of them late."""
        mask = self._passing(frame)
        rows = None if mask is None or mask.all() else np.flatnonzero(mask)
        ids = self._ids(frame, rows)
        keyed = ids >= 0
        if not keyed.all():
            beyond = int(np.count_nonzero(ids == OVERFLOW))
            self.overflowed += beyond
            self.unkeyed += int(np.count_nonzero(~keyed)) - beyond
            rows = np.flatnonzero(keyed) if rows is None else rows[keyed]
            ids = ids[keyed]
        if not len(ids):
            return
        feed = Feed(frame, rows, ids, self.evaluator)
        for table in self.spec.tables:
            if table.parent_ms == 0:
                self.tables[table.width_ms].add(feed, len(self.space))

    def _ids(self, frame: Frame, rows: npt.NDArray[np.intp] | None) -> Rows:
        """Key ids of the rows. Where a filter keeps few, only they make keys; else the work is shared with others."""
        if rows is None or 2 * len(rows) > len(frame):
            ids = key_ids(self.spec, self.space, self.evaluator, frame)
            return ids if rows is None else ids[rows]
        columns = [take(self.evaluator.column(key.expr, frame), rows) for key in self.spec.keys]
        return self.space.ids(columns, len(rows))

    def _passing(self, frame: Frame) -> npt.NDArray[np.bool_] | None:
        """Which rows pass the filter, the constants and the time of the family; None: all."""
        mask: npt.NDArray[np.bool_] | None = None
        if self.spec.where is not None:
            mask = self.evaluator.truths(self.spec.where, frame) == TRUE
        for position, (key, values) in enumerate(zip(self.spec.keys, self.spec.admits, strict=False)):
            column = self.evaluator.column(key.expr, frame)
            admitted = _admitted(column, values)
            for at_ms, before in self.young:
                # constants that a change brought count from its instant on
                admitted &= (frame.time >= at_ms) | _admitted(column, before[position])
            mask = admitted if mask is None else mask & admitted
        if self.begins_ms > BEGINNING or self.until_ms < FOREVER:
            inside = (frame.time >= self.begins_ms) & (frame.time < self.until_ms)
            mask = inside if mask is None else mask & inside
        return mask

    def set_partial(self, index: int, feeder: str, said: Partial) -> None:
        """The final word of a feeder on a pane of the finest width; saying it again changes nothing."""
        if (index + 1) * self.finest.width_ms > self.closed_ms:
            self.pending.setdefault(index, {})[feeder] = said

    # closing

    def close(self, until_ms: int) -> None:
        """Panes that end at or before `until_ms` are final: merge partials, roll up, note which keys are known."""
        if until_ms <= self.closed_ms:
            return
        finest = self.finest
        self._merge_pending(until_ms)
        size = len(self.space)
        for index in sorted(i for i in finest.panes if self.closed_ms < (i + 1) * finest.width_ms <= until_ms):
            pane = finest.panes[index]
            if self.known:
                here = np.flatnonzero(pane.count)
                for known in self.known.values():
                    if index * finest.width_ms >= known.begins_ms and len(here):
                        known.note(here, pane, size)
            for table in self.spec.tables:
                if table.parent_ms:
                    wide = index * finest.width_ms // table.width_ms
                    self.tables[table.width_ms].merge_pane(wide, pane, None, size)
        self.closed_ms = until_ms

    def _merge_pending(self, until_ms: int) -> None:
        finest = self.finest
        for index in sorted(i for i in self.pending if (i + 1) * finest.width_ms <= until_ms):
            for _, said in sorted(self.pending.pop(index).items()):
                ids = np.array([self.space.id_of(key) for key in said.keys], np.intp)
                finest.merge_pane(index, said.pane, ids, len(self.space))

    def drop_before(self, judged_ms: int) -> None:
        """Forget what no window judged after `judged_ms` can reach."""
        self.young = [change for change in self.young if change[0] > judged_ms]
        for table in self.spec.tables:
            self.tables[table.width_ms].drop_before(min(judged_ms - table.retention_ms, self.closed_ms))

    # reading

    def read(
        self, accumulation: Accumulation, window: Window, judged_ms: int, keys: npt.NDArray[np.intp] | None = None
    ) -> State:
        """The state of a window at T, for all keys or for `keys` in their order."""
        end = window.end(judged_ms)
        size = len(self.space)
        return self.tables[window.width_ms].read(accumulation, end - window.size_ms, end, size, keys)

    def counts(self, window: Window, judged_ms: int) -> npt.NDArray[np.int64]:
        end = window.end(judged_ms)
        return self.tables[window.width_ms].counts(end - window.size_ms, end, len(self.space))

    def earliest(self) -> int | None:
        """The start of the earliest pane that holds data, pending ones included."""
        width = self.finest.width_ms
        indices = [*self.finest.panes, *self.pending]
        return min(indices) * width if indices else None

    def next_instant(self, step_ms: int, done_ms: int | None, begins_ms: int | None) -> int | None:
        """The multiple of a step to judge next: after the last one, else the first after data; None without data."""
        earliest = self.earliest() if done_ms is None else done_ms
        if earliest is None:
            return None
        instant: int = first_multiple_above(earliest, step_ms)
        return instant if begins_ms is None else max(instant, first_multiple_above(begins_ms, step_ms))

    def first_data(self, from_ms: int) -> int | None:
        """The start of the earliest pane with data that ends after `from_ms`, of any width, pending ones included."""
        starts = [
            index * table.width_ms
            for table in self.tables.values()
            for index in table.panes
            if (index + 1) * table.width_ms > from_ms
        ]
        width = self.finest.width_ms
        starts.extend(index * width for index in self.pending if (index + 1) * width > from_ms)
        return min(starts, default=None)

    # for the exchange

    def final_panes(self, until_ms: int) -> Iterator[tuple[int, Pane]]:
        """Panes that end at or before `until_ms`, in order, each handed out once and then forgotten."""
        finest = self.finest
        for index in sorted(i for i in finest.panes if (i + 1) * finest.width_ms <= until_ms):
            yield index, finest.panes.pop(index)

    # snapshots

    def snapshot(self) -> Any:
        """Key ids are those of the key space, which the flow keeps."""
        tables = {width: table.picture(self.closed_ms) for width, table in self.tables.items()}
        known = [
            [*manner, known.since.copy(), known.last.copy(), known.begins_ms] for manner, known in self.known.items()
        ]
        pending = [
            [index, feeder, Frozen(partial(_packed, said), apart=False)]
            for index, feeders in self.pending.items()
            for feeder, said in feeders.items()
        ]
        return [tables, known, self.closed_ms, self.begins_ms, self.unkeyed, pending]

    def restore(self, state: Any) -> None:
        """The inverse; tables, accumulations and manners of forgetting that are not here are left out."""
        tables, known, self.closed_ms, self.begins_ms, self.unkeyed, pending = state
        size = len(self.space)
        for forget, every, since, last, begins in known:
            mine = self.known.get((forget, every))
            if mine is not None:
                mine.since, mine.last = array_of(since, np.int64, size), array_of(last, np.int64, size)
                mine.begins_ms = begins
        for width, panes in tables.items():
            if width in self.tables:
                self.tables[width].restore(panes, size)
        for index, feeder, packed in pending:
            keys, pane = thawed(packed)
            said = Partial([tuple(key) for key in keys], unpack_pane(pane, self.finest.accumulations, len(keys)))
            self.pending.setdefault(index, {})[feeder] = said


def _packed(said: Partial) -> list[object]:
    return [[list(key) for key in said.keys], pack_pane(said.pane)]


def _united(old: FamilySpec, new: FamilySpec) -> FamilySpec:
    """The new family with what only the old one has; that goes when the family is rebuilt."""
    mine = {table.width_ms: table for table in new.tables}
    for table in old.tables:
        other = mine.get(table.width_ms)
        if other is None:
            mine[table.width_ms] = table
            continue
        merged = tuple(dict.fromkeys((*table.accumulations, *other.accumulations)))
        retention = max(table.retention_ms, other.retention_ms)
        mine[table.width_ms] = replace(other, accumulations=merged, retention_ms=retention)
    return replace(new, tables=tuple(mine[width] for width in sorted(mine)))


def key_ids(spec: FamilySpec, space: KeySpace, evaluator: Evaluator, frame: Frame) -> Rows:
    """Key ids of the rows, shared by every family and alarm of the same keys."""
    handle = evaluator.handle(spec.keys)
    return shared_ids(("ids", handle), space, lambda: [evaluator.column(key.expr, frame) for key in spec.keys], frame)


def shared_ids(handle: object, space: KeySpace, columns: Callable[[], list[object]], frame: Frame) -> Rows:
    ids = frame.memo.get(handle)
    if ids is None:
        ids = frame.memo[handle] = space.ids(columns(), len(frame))  # type: ignore[arg-type]
    return ids  # type: ignore[return-value]


def _admitted(column: object, values: frozenset[str]) -> npt.NDArray[np.bool_]:
    assert isinstance(column, Strings)
    if len(values) == 1:
        same: npt.NDArray[np.bool_] = column.codes == column.dictionary.get(next(iter(values)), -2)
        return same
    codes = [column.dictionary.get(value, -2) for value in values]
    lut = np.zeros(len(column.dictionary.names) + 1, bool)
    lut[[code for code in codes if code >= 0]] = True
    return lut[column.codes]
