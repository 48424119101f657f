"""KPI streams joined on their common keys at equal window end; a missing side is null."""

from __future__ import annotations

from typing import Any

import numpy as np

from streamwatchd.batch import Column, Dictionary, Frame, Strings, to_values
from streamwatchd.operators.evaluate import WINDOW_END, WINDOW_START
from streamwatchd.operators.node import Push
from streamwatchd.operators.spec import JoinSpec

Row = dict[str, object]


class JoinNode:
    """Rows wait until every side has passed their time."""

    def __init__(self, spec: JoinSpec, roots: frozenset[str], push: Push) -> None:
        self.id, self.spec, self.roots, self.push = spec.id, spec, roots, push
        self.names = dict(spec.inputs)
        self.waiting: dict[int, dict[tuple[object, ...], Row]] = {}

    def add(self, stream: str, frame: Frame) -> None:
        """Rows of one side, by the stream's name as it arrives."""
        stream = self.names[stream]
        names = [key.name for key in self.spec.keys]
        parts = [to_values(frame.columns[name]) for name in names]
        keys = list(zip(*parts, strict=True)) if parts else [()] * len(frame)
        mine = [name for side, name, _ in self.spec.columns if side == stream]
        values = {name: to_values(frame.columns[name]) for name in mine}
        starts, ends = frame.columns[WINDOW_START], frame.columns[WINDOW_END]
        assert isinstance(starts, np.ndarray)
        assert isinstance(ends, np.ndarray)
        for i, time in enumerate(frame.time.tolist()):
            row = self.waiting.setdefault(time, {}).setdefault(keys[i], {})
            row |= {f"{stream}.{name}": column[i] for name, column in values.items()}
            row |= {WINDOW_START: float(starts[i]), WINDOW_END: float(ends[i])}

    def due(self, limit_ms: int) -> int | None:
        instant = min(self.waiting, default=None)
        return None if instant is None or instant + 1 > limit_ms else instant + 1

    def judge(self, judged_ms: int) -> None:
        rows = self.waiting.pop(judged_ms - 1)
        keys = sorted(rows, key=repr)
        columns: dict[str, Column] = {}
        for position, key in enumerate(self.spec.keys):
            columns[key.name] = column_of([values[position] for values in keys], key.kind)
        for stream, name, kind in self.spec.columns:
            full = f"{stream}.{name}"
            columns[full] = column_of([rows[key].get(full) for key in keys], kind)
        for name in (WINDOW_START, WINDOW_END):
            columns[name] = column_of([rows[key][name] for key in keys], "number")
        self.push(self.spec.name, Frame(np.full(len(keys), judged_ms - 1, np.int64), columns))

    def snapshot(self) -> Any:
        return [[time, [[list(key), dict(row)] for key, row in rows.items()]] for time, rows in self.waiting.items()]

    def restore(self, state: Any) -> None:
        self.waiting = {time: {tuple(key): row for key, row in rows} for time, rows in state}


def column_of(values: list[object], kind: str) -> Column:
    """Python values as a column of a kind."""
    if kind == "string":
        dictionary = Dictionary()
        return Strings(dictionary.encode(values), dictionary)  # type: ignore[arg-type]
    if kind == "bool":
        return np.array([1 if v is None else 2 * bool(v) for v in values], np.int8)
    return np.array([np.nan if v is None else v for v in values], np.float64)
