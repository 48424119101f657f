"""KPIs on tumbling and sliding windows: at every step one row per key whose window holds an event.

KPIs of one shape that differ in an equality filter are judged together: its value is part of the key and says whose
the row is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from streamwatchd.batch import TRUE, Frame
from streamwatchd.operators.asking import BEGINNING
from streamwatchd.operators.document import Details, Document, picked, plain, window
from streamwatchd.operators.evaluate import KEY, VALUE, WINDOW_END, WINDOW_START, Evaluator
from streamwatchd.operators.family import Family
from streamwatchd.operators.judging import Reader, fill_values, key_frame
from streamwatchd.operators.keyspace import KeySpace
from streamwatchd.operators.late import Amending, View
from streamwatchd.operators.node import EmitKpi, first_multiple_above, least
from streamwatchd.operators.spec import KpiMember, KpiSpec, TopKpiSpec
from streamwatchd.operators.top import Top

Ids = npt.NDArray[np.intp]
Mask = npt.NDArray[np.bool_]


class PushMeant(Protocol):
    """Rows of a KPI for its readers: its name, the rows, and which of the KPIs of this name they are of. `here` says of
    which rows the keys lie here still; None: all."""

    def __call__(self, stream: str, frame: Frame, *, meaning: str, here: Mask | None = None) -> None: ...


class Owners:
    """Whose a key is: KPIs of equal constants form a group, and share its rows."""

    def __init__(self, spec: KpiSpec) -> None:
        self._lifted = spec.lifted
        self._numbers: dict[tuple[object, ...], int] = {}
        self.groups: list[list[KpiMember]] = []
        for member in spec.members:
            number = self._numbers.setdefault(member.constants, len(self.groups))
            if number == len(self.groups):
                self.groups.append([])
            self.groups[number].append(member)
        self.are_written = any(member.written for member in spec.members)
        self._of_key = np.zeros(0, np.intp)

    def of(self, space: KeySpace, ids: Ids) -> Ids:
        """The group of each key, -1 where no KPI here has it."""
        if not self._lifted:
            return np.zeros(len(ids), np.intp)
        fresh = space.keys[len(self._of_key) :]
        if fresh:
            numbers = [self._numbers.get(key[: self._lifted], -1) for key in fresh]
            self._of_key = np.concatenate([self._of_key, np.array(numbers, np.intp)])
        return self._of_key[ids]


class KpiRows:
    """Makes rows of judged keys: what goes out, and what rules on these KPIs see."""

    def __init__(
        self, spec: KpiSpec, evaluator: Evaluator, emit: EmitKpi, push: PushMeant, is_read: Callable[[str], bool]
    ) -> None:
        self.spec, self.evaluator, self.emit, self.push, self.is_read = spec, evaluator, emit, push, is_read
        self.owners = Owners(spec)
        self.top = Top(spec) if isinstance(spec, TopKpiSpec) else None

    def give(
        self,
        frame: Frame,
        starts: npt.NDArray[np.int64],
        ends: npt.NDArray[np.int64],
        events: Ids,
        groups: Ids | None = None,
        revisions: Ids | None = None,
        here: Mask | None = None,
    ) -> None:
        """`frame` has the keys and aggregates of rows whose windows are [starts, ends), in order of their groups.

        Rows that amend earlier ones have `revisions`; rules on these KPIs do not see them. `here`: see `PushMeant`.
        """
        spec = self.spec
        fill_values(frame, spec.values, self.evaluator)
        groups = np.zeros(len(frame), np.intp) if groups is None else groups
        self._write(
            frame, starts, ends, events, groups, np.zeros(len(frame), np.intp) if revisions is None else revisions
        )
        if revisions is not None:
            return
        there = np.unique(groups).tolist()
        read = [number for number in there if any(self.is_read(member.name) for member in self.owners.groups[number])]
        if not read:
            return
        columns = {key.name: frame.columns[KEY + key.name] for key in spec.keys}
        columns |= {value.name: frame.columns[VALUE + value.name] for value in spec.values}
        columns |= {WINDOW_START: starts.astype(np.float64), WINDOW_END: ends.astype(np.float64)}
        rows = Frame(ends - 1, columns)
        for number in read:
            mine = slice(*np.searchsorted(groups, [number, number + 1]).tolist())
            if mine.stop > mine.start:
                self._push(self.owners.groups[number], rows, np.arange(mine.start, mine.stop), here)

    def _push(self, members: list[KpiMember], rows: Frame, mine: Ids, here: Mask | None) -> None:
        taken = rows if len(mine) == len(rows) else rows.take(mine)
        for member in members:
            self.push(member.name, taken, meaning=member.meaning, here=None if here is None else here[mine])

    def _write(
        self,
        frame: Frame,
        starts: npt.NDArray[np.int64],
        ends: npt.NDArray[np.int64],
        events: Ids,
        groups: Ids,
        revisions: Ids,
    ) -> None:
        """The rows where `when` is true, as documents."""
        spec = self.spec
        rows = np.arange(len(frame))
        if not self.owners.are_written:
            return
        if spec.when is not None:
            rows = np.flatnonzero(self.evaluator.truths(spec.when, frame) == TRUE)
        ranks = self._ranks(frame, rows, groups)
        rows = rows if ranks is None else np.array(sorted(ranks), np.intp)
        chosen = rows.tolist()
        details = Details(self.evaluator, frame, chosen)
        keys = [(key.name, picked(frame.columns[KEY + key.name], chosen)) for key in spec.keys]
        values = [(v.name, picked(frame.columns[VALUE + v.name], chosen), v.integral) for v in spec.values]
        spans: dict[tuple[int, int], Document] = {}
        spanned = zip(starts[rows].tolist(), ends[rows].tolist(), strict=True)
        numbers = (each[rows].tolist() for each in (groups, events, revisions))
        for i, (span, group, count, revision) in enumerate(zip(spanned, *numbers, strict=True)):
            if span not in spans:
                spans[span] = window(*span)
            for member in self.owners.groups[group]:
                if not member.written:
                    continue
                self.emit(
                    {
                        "kpi": member.name,
                        "key": {name: column[i] for name, column in keys},
                        "window": spans[span],
                        "values": {name: plain(column[i], integral) for name, column, integral in values},
                        "context": details.context(spec.context, i),
                        "labels": dict(member.labels),
                        "revision": revision,
                        "events": count,
                    }
                    | ({} if ranks is None else {"rank": ranks[chosen[i]]})
                )

    def _ranks(self, frame: Frame, rows: Ids, groups: Ids) -> dict[int, int] | None:
        """The ranks of the rows that are written; None where all are."""
        if self.top is None:
            return None
        found: dict[int, int] = {}
        for number in np.unique(groups).tolist():
            mine = rows[groups[rows] == number]
            found |= self.top.chosen(frame, mine, self.owners.groups[number][0].constants)
        return found


class KpiNode:
    """KPIs of one shape whose windows end at multiples of `every`."""

    def __init__(self, spec: KpiSpec, families: Mapping[str, Family], roots: frozenset[str], rows: KpiRows) -> None:
        self.id, self.spec, self.roots = spec.id, spec, roots
        self.family = families[spec.family]
        self.reader = Reader(spec.readings, families, self.family, rows.evaluator)
        self.rows = rows
        self.counts_from = self.family.counts_from(spec.window.width_ms, ())
        self.done_ms: int | None = None
        self.begins_ms: int | None = None

    def due(self, limit_ms: int) -> int | None:
        return self._due(limit_ms) if not self.spec.amend_ms else least(self._due(limit_ms), self._late_due(limit_ms))

    def _late_due(self, limit_ms: int) -> int | None:
        """The first instant at which something that came late is read, or a window that holds it ends."""
        spec, done = self.spec, -(2**62) if self.done_ms is None else self.done_ms
        reach = spec.window.reach_ms
        instants: list[int] = []
        for taken, start in self.reader.takings(self._amending()):
            instant = max(taken, self._first_above(done))
            if instant == taken or instant < start + self.family.finest.width_ms + reach:
                instants.append(instant)
        first = min(instants, default=None)
        return None if first is None or first > limit_ms else first

    def _amending(self) -> Amending:
        begins_ms = -(2**62) if self.begins_ms is None else self.begins_ms
        return Amending(self.spec.every_ms, self.spec.amend_ms, begins_ms, self.spec.days)

    def _first_above(self, time_ms: int) -> int:
        """The first T that is later."""
        days = self.spec.days
        if days is None or time_ms <= BEGINNING:
            return int(first_multiple_above(time_ms, self.spec.every_ms))
        return days.first_from(time_ms + 1)

    def _due(self, limit_ms: int) -> int | None:
        instant = self.family.next_instant(self.spec.every_ms, self.done_ms, self.begins_ms)
        if instant is not None and self.spec.days is not None:
            instant = self.spec.days.first_from(instant)
        if instant is None or instant > limit_ms:
            return None
        return self._skip_empty(instant, limit_ms)

    def _skip_empty(self, instant: int, limit_ms: int) -> int | None:
        """The first instant from here on whose window holds a pane with data."""
        pane = self.family.first_data(self.spec.window.start(instant))
        if pane is None:
            return None
        if pane >= self.spec.window.end(instant):
            instant = max(instant, self._first_above(pane))
        return instant if instant <= limit_ms else None

    def judge(self, judged_ms: int) -> None:
        self.done_ms = judged_ms
        for reading in self.reader.readings:
            self.reader.families[reading.family].close(judged_ms)
        self.family.close(judged_ms)
        view = View(self._amending(), judged_ms) if self.spec.amend_ms else None
        self._give(judged_ms, view, None)
        if view is not None:
            self._amend(view)

    def _give(self, judged_ms: int, view: View | None, touched: Ids | None) -> None:
        """The rows of the windows at T as a view has them; with `touched`, how often each key's has changed, if so."""
        counts = self.family.counts(self.spec.window, judged_ms, self.counts_from, view)
        ids = np.flatnonzero(counts if touched is None else (counts > 0) & (touched > 0))
        groups = self.rows.owners.of(self.family.space, ids)
        if self.spec.lifted:
            order = np.argsort(groups, kind="stable")
            order = order[groups[order] >= 0]
            ids, groups = ids[order], groups[order]
        if not len(ids):
            return
        frame = key_frame(self.family.space, self.spec.keys, self.spec.lifted, ids, judged_ms)
        self.reader.fill(frame, judged_ms, ids, once=True, view=view)
        window = self.spec.window
        starts, ends = (np.full(len(ids), at, np.int64) for at in (window.start(judged_ms), window.end(judged_ms)))
        revisions = None if touched is None else touched[ids]
        spoken = self.family.has_spoken(window, judged_ms)
        self.rows.give(frame, starts, ends, counts[ids], groups, revisions, None if spoken is None else spoken[ids])

    def _amend(self, view: View) -> None:
        """Windows that ended before T and hold what is new at T, once more."""
        amending, takings = view.amending, set(self.reader.takings(view.amending))
        fresh = [start for taken, start in takings if taken == view.at_ms]
        if not fresh:
            return
        end = min(fresh)
        while (end := self._first_above(end)) < view.at_ms:
            changed = self._touched(end, View(amending, view.at_ms, only=True))
            if end > amending.begins_ms and changed.any():
                before = sorted({taken for taken, _ in takings if end < taken < view.at_ms})
                revisions = changed.astype(np.intp)
                for taken in before:
                    revisions += self._touched(end, View(amending, taken, only=True))
                self._give(end, view, np.where(changed, revisions, 0))

    def _touched(self, judged_ms: int, view: View) -> npt.NDArray[np.bool_]:
        own = self.family.late_counts(self.spec.window, judged_ms, self.counts_from, view) > 0
        touched: npt.NDArray[np.bool_] = own | self.reader.touched(judged_ms, view)
        return touched

    def snapshot(self) -> Any:
        top = [] if self.rows.top is None else [self.rows.top.snapshot()]
        return [self.done_ms, self.begins_ms, self.counts_from, self.reader.snapshot(), *top]

    def restore(self, state: Any) -> None:
        self.done_ms, self.begins_ms, self.counts_from, readings, *top = state
        if self.rows.top is not None and top:
            self.rows.top.restore(top[0])
        self.reader.restore(readings)
