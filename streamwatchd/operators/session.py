"""KPIs on session windows: a key's events belong together while less than the gap lies between them.

Panes are no wider than the gap and keep the first and last event time per key, so a session is a run of panes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from streamwatchd.aggregates.shelf import aggregate
from streamwatchd.operators.family import Family
from streamwatchd.operators.judging import key_frame
from streamwatchd.operators.kpi import KpiRows
from streamwatchd.operators.panes import Pane, pack_pane, unpack_pane
from streamwatchd.operators.spec import Accumulation, KpiSpec


class SessionNode:
    """Open sessions: per key id a `Pane` entry that grows until the gap has passed."""

    def __init__(self, spec: KpiSpec, families: Mapping[str, Family], roots: frozenset[str], rows: KpiRows) -> None:
        self.id, self.spec, self.roots, self.rows = spec.id, spec, roots, rows
        self.family = families[spec.family]
        self.accumulations: tuple[Accumulation, ...] = tuple(
            dict.fromkeys(a for reading in spec.readings for a in reading.accumulations)
        )
        self.open: dict[int, Pane] = {}
        self.done_ms = -(2**62)

    def due(self, limit_ms: int) -> int | None:
        width = self.family.finest.width_ms
        ends = [int(pane.last[0]) + self.spec.session_ms for pane in self.open.values()]
        indices = [index for index in {*self.family.finest.panes, *self.family.pending}]
        ends.extend((index + 1) * width for index in indices if (index + 1) * width > self.done_ms)
        instant = min(ends, default=None)
        return None if instant is None or instant > limit_ms else instant

    def judge(self, judged_ms: int) -> None:
        """Take in the panes that are closed at T, then give out the sessions that end at or before T."""
        self.family.close(judged_ms)
        table = self.family.finest
        for index in sorted(table.panes):
            end = (index + 1) * table.width_ms
            if self.done_ms < end <= judged_ms:
                self._take_in(table.panes[index])
        self.done_ms = max(self.done_ms, judged_ms)
        self._give_out([key for key, pane in self.open.items() if int(pane.last[0]) + self.spec.session_ms <= judged_ms])

    def _take_in(self, pane: Pane) -> None:
        ended = []
        here = np.flatnonzero(pane.count)
        for key in here.tolist():
            mine = self.open.get(key)
            if mine is not None and int(pane.first[key]) - int(mine.last[0]) >= self.spec.session_ms:
                ended.append(key)
        self._give_out(ended)
        for key in here.tolist():
            mine = self.open.setdefault(key, Pane.empty())
            mine.merge(pane.take(np.array([key], np.intp)), None, 1, self.accumulations)

    def _give_out(self, keys: list[int]) -> None:
        if not keys:
            return
        keys.sort(key=lambda key: (int(self.open[key].last[0]), key))
        panes = [self.open.pop(key) for key in keys]
        merged = Pane.empty()
        for place, pane in enumerate(panes):
            merged.merge(pane, np.array([place], np.intp), len(panes), self.accumulations)
        ends = merged.last + self.spec.session_ms
        frame = key_frame(self.family.space, self.spec.keys, 0, np.array(keys, np.intp), 0)
        frame.time[:] = ends
        for reading in self.spec.readings:
            states = [merged.states[a] for a in reading.accumulations]
            frame.memo[reading.aggregate] = aggregate(reading.function).finish(
                states, len(keys), reading.aggregate.quantile
            )
        counts: npt.NDArray[np.intp] = merged.count.astype(np.intp)
        self.rows.give(frame, merged.first, ends, counts)

    def snapshot(self) -> Any:
        number = {a: i for i, a in enumerate(self.accumulations)}
        return [self.done_ms, {key: pack_pane(pane, number.__getitem__) for key, pane in self.open.items()}]

    def restore(self, state: Any) -> None:
        self.done_ms = state[0]
        self.open = {key: unpack_pane(packed, self.accumulations) for key, packed in state[1].items()}
