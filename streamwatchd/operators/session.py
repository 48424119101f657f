"""KPIs on session windows: a key's events belong together while less than the gap lies between them.

Panes are no wider than the gap and keep the first and last event time per key, so a session is a run of panes.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from streamwatchd.aggregates.accumulator import State
from streamwatchd.aggregates.base import ACCUMULATORS, Span
from streamwatchd.aggregates.shelf import aggregate
from streamwatchd.batch import Times
from streamwatchd.operators.family import Family
from streamwatchd.operators.judging import key_frame
from streamwatchd.operators.known import last_before
from streamwatchd.operators.kpi import KpiRows
from streamwatchd.operators.panes import AFTER_ALL, Pane, pack_pane, unpack_pane
from streamwatchd.operators.spec import Accumulation, KpiSpec


class SessionNode:
    """Open sessions: a `Pane` with one place per key id, that grows until the gap has passed.

    Where panes come over the exchange, what lies in a pane is known at its end only, so sessions end there at panes'
    ends; elsewhere to the millisecond.
    """

    def __init__(self, spec: KpiSpec, families: Mapping[str, Family], roots: frozenset[str], rows: KpiRows) -> None:
        self.id, self.spec, self.roots, self.rows = spec.id, spec, roots, rows
        self.family = families[spec.family]
        self.accumulations: tuple[Accumulation, ...] = tuple(
            dict.fromkeys(a for reading in spec.readings for a in reading.accumulations)
        )
        self.open = Pane.empty()
        self.done_ms = -(2**62)

    def due(self, limit_ms: int) -> int | None:
        width = self.family.finest.width_ms
        first = self.family.finest.panes.first_from(self.done_ms // width)
        indices = {*(() if first is None else (first,)), *self.family.pending}
        closings = [(index + 1) * width for index in indices if (index + 1) * width > self.done_ms]
        ending, ends = self._endings()
        instant = min([*closings, *ends[ending].tolist()], default=None)
        return None if instant is None or instant > limit_ms else instant

    def _endings(self) -> tuple[npt.NDArray[np.bool_], Times]:
        """Which sessions no pane continues, and when each ends (or, over the exchange, is known to)."""
        width = self.family.finest.width_ms
        ends = self.open.last + self.spec.session_ms
        ending = self.open.count > 0
        if self.family.spec.route is not None:
            return ending, -(-ends // width) * width
        panes = self.family.finest.panes
        for index in panes.within(self.done_ms // width, AFTER_ALL):
            pane = panes[index]
            size = min(len(ends), len(pane.count))
            ending[:size] &= (pane.count[:size] == 0) | (pane.first[:size] >= ends[:size])
        return ending, ends

    def judge(self, judged_ms: int) -> None:
        """Take in the panes that are closed at T, then give out the sessions that end at or before T."""
        self.family.close(judged_ms)
        table = self.family.finest
        for index in table.panes.within(self.done_ms // table.width_ms, judged_ms // table.width_ms):
            self._take_in(table.panes[index], index * table.width_ms)
        self.done_ms = max(self.done_ms, judged_ms)
        ending, ends = self._endings()
        self._give_out(np.flatnonzero(ending & (ends <= judged_ms)))

    def _take_in(self, pane: Pane, start_ms: int) -> None:
        """What panes hold from before an aggregate was asked for is not read, however much of it is there."""
        here = np.flatnonzero(pane.count)
        if not len(here):
            return
        known = here[here < len(self.open.count)]
        known = known[self.open.count[known] > 0]
        self._give_out(known[pane.first[known] - self.open.last[known] >= self.spec.session_ms])
        width = self.family.finest.width_ms
        whole = [a for a in self.accumulations if self.family.counts_from(width, (a,)) <= start_ms]
        self.open.merge(pane.take(here), here, len(self.family.space), whole)

    def _give_out(self, keys: npt.NDArray[np.intp]) -> None:
        if not len(keys):
            return
        keys = keys[np.argsort(self.open.last[keys], kind="stable")]
        ended = self.open.take(keys)
        rest = np.flatnonzero(self.open.count)
        rest = rest[~np.isin(rest, keys)]
        remaining, self.open = self.open.take(rest), Pane.empty()
        if len(rest):
            self.open.merge(remaining, rest, len(self.family.space), self.accumulations)
        ends = ended.last + self.spec.session_ms
        frame = key_frame(self.family.space, self.spec.keys, 0, keys, 0)
        frame.time[:] = ends
        for reading in self.spec.readings:
            states = [self._state(ended, a, len(keys)) for a in reading.accumulations]
            finish, span = aggregate(reading.function).finish, Span(self.spec.session_ms, 0)
            self.rows.evaluator.put(frame, reading.aggregate, finish(states, len(keys), reading.aggregate, span))
        self.rows.give(frame, ended.first, ends, ended.count.astype(np.intp), here=self._are_here(ended.last, ends))

    def _are_here(self, last: Times, ends: Times) -> npt.NDArray[np.bool_] | None:
        """Of which sessions the keys have spoken since keys were last placed anew; None: of all."""
        if not self.family.placed:
            return None
        placed = np.array([last_before(self.family.placed, end) for end in ends.tolist()], np.int64)
        found: npt.NDArray[np.bool_] = last >= placed
        return found

    @staticmethod
    def _state(pane: Pane, accumulation: Accumulation, size: int) -> State:
        """An aggregate that came while its sessions were open may have met no row yet."""
        state = pane.states.get(accumulation)
        return ACCUMULATORS[accumulation.accumulator].empty(size) if state is None else state

    def adopt(self, old: SessionNode) -> None:
        """Go on with the sessions that are open."""
        self.open, old.open = old.open, Pane.empty()

    def snapshot(self) -> Any:
        return [self.done_ms, pack_pane(self.open.copy())]

    def restore(self, state: Any) -> None:
        self.done_ms, packed = state
        self.open = unpack_pane(packed, self.accumulations, len(self.family.space))
