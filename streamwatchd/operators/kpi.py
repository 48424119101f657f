"""KPIs on tumbling and sliding windows: at every step one row per key whose window holds an event."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from streamwatchd.batch import TRUE, Frame
from streamwatchd.operators.document import Details, Document, plain, window
from streamwatchd.operators.evaluate import KEY, VALUE, WINDOW_END, WINDOW_START, Evaluator
from streamwatchd.operators.family import Family
from streamwatchd.operators.judging import Reader, fill_values, key_frame
from streamwatchd.operators.node import EmitKpi, Push, first_multiple_above
from streamwatchd.operators.spec import KpiSpec

Ids = npt.NDArray[np.intp]


class KpiRows:
    """Makes rows of judged keys: what goes out, and what rules on this KPI see."""

    def __init__(self, spec: KpiSpec, evaluator: Evaluator, emit: EmitKpi, push: Push) -> None:
        self.spec, self.evaluator, self.emit, self.push = spec, evaluator, emit, push

    def give(self, frame: Frame, starts: npt.NDArray[np.int64], ends: npt.NDArray[np.int64], events: Ids) -> None:
        """`frame` has the keys and aggregates of rows whose windows are [starts, ends)."""
        spec = self.spec
        fill_values(frame, spec.values, self.evaluator)
        rows = np.arange(len(frame))
        if spec.when is not None:
            rows = np.flatnonzero(self.evaluator.truths(spec.when, frame) == TRUE)
        details = Details(self.evaluator, frame, rows.tolist())
        for i, row in enumerate(rows.tolist()):
            self.emit(self._document(details, frame, i, row, int(starts[row]), int(ends[row]), int(events[row])))
        columns = {key.name: frame.columns[KEY + key.name] for key in spec.keys}
        columns |= {value.name: frame.columns[VALUE + value.name] for value in spec.values}
        columns |= {WINDOW_START: starts.astype(np.float64), WINDOW_END: ends.astype(np.float64)}
        self.push(spec.name, Frame(ends - 1, columns))

    def _document(
        self, details: Details, frame: Frame, i: int, row: int, start: int, end: int, events: int
    ) -> Document:
        spec = self.spec
        return {
            "kpi": spec.name,
            "key": {key.name: plain(_at(frame, KEY + key.name, row)) for key in spec.keys},
            "window": window(start, end),
            "values": {v.name: plain(_at(frame, VALUE + v.name, row), v.integral) for v in spec.values},
            "context": details.context(spec.context, i),
            "revision": 0,
            "events": events,
        }


def _at(frame: Frame, name: str, row: int) -> object:
    column = frame.columns[name]
    if isinstance(column, np.ndarray):
        value = column[row].item()
        if column.dtype == np.int8:
            return None if value == 1 else value == 2
        return None if value != value else value
    code = int(column.codes[row])
    return column.dictionary.names[code] if code >= 0 else None


class KpiNode:
    """A KPI whose windows end at multiples of `every`."""

    def __init__(self, spec: KpiSpec, families: Mapping[str, Family], roots: frozenset[str], rows: KpiRows) -> None:
        self.id, self.spec, self.roots = spec.id, spec, roots
        self.family = families[spec.family]
        self.reader = Reader(spec.readings, families, self.family, rows.evaluator)
        self.rows = rows
        self.counts_from = self.family.counts_from(spec.window.width_ms, ())
        self.done_ms: int | None = None
        self.begins_ms: int | None = None

    def due(self, limit_ms: int) -> int | None:
        instant = self.family.next_instant(self.spec.every_ms, self.done_ms, self.begins_ms)
        if instant is None or instant > limit_ms:
            return None
        return self._skip_empty(instant, limit_ms)

    def _skip_empty(self, instant: int, limit_ms: int) -> int | None:
        """The first instant from here on whose window holds a pane with data."""
        start = self.spec.window.end(instant) - self.spec.window.size_ms
        pane = self.family.first_data(start)
        if pane is None:
            return None
        if pane >= self.spec.window.end(instant):
            instant = max(instant, first_multiple_above(pane, self.spec.every_ms))
        return instant if instant <= limit_ms else None

    def judge(self, judged_ms: int) -> None:
        self.done_ms = judged_ms
        for reading in self.reader.readings:
            self.reader.families[reading.family].close(judged_ms)
        self.family.close(judged_ms)
        counts = self.family.counts(self.spec.window, judged_ms, self.counts_from)
        ids = np.flatnonzero(counts)
        if self.spec.constants:
            own = self.family.space.with_prefix(self.spec.constants)
            ids = own[counts[own] > 0]
        if not len(ids):
            return
        frame = key_frame(self.family.space, self.spec.keys, len(self.spec.constants), ids, judged_ms)
        self.reader.fill(frame, judged_ms, ids, once=True)
        end = self.spec.window.end(judged_ms)
        ends = np.full(len(ids), end, np.int64)
        self.rows.give(frame, ends - self.spec.window.size_ms, ends, counts[ids])

    def snapshot(self) -> Any:
        return [self.done_ms, self.begins_ms, self.counts_from, self.reader.snapshot()]

    def restore(self, state: Any) -> None:
        self.done_ms, self.begins_ms, self.counts_from, readings = state
        self.reader.restore(readings)
