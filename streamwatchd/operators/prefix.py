"""Windows of counts and sums by one subtraction: running totals over closed panes.

Counts and sums are integers and add exactly (modulo 2^64, so that totals may run over without harm to differences),
so the state of a window is the total at its end less the total at its start, however many panes lie between.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right

from streamwatchd.aggregates.accumulator import State
from streamwatchd.aggregates.base import ACCUMULATORS
from streamwatchd.operators.spec import Accumulation

EXACT = frozenset({"count", "sum", "rough_sum", "square_sum", "line", "increase", "changes"})
"""Accumulators whose states subtract."""


class RunningTotals:
    """Totals of one accumulation up to and including each closed pane; `indices` ascend."""

    def __init__(self, accumulation: Accumulation) -> None:
        self._accumulation = accumulation
        self._accumulator = ACCUMULATORS[accumulation.accumulator]
        self.indices: list[int] = []
        self._totals: list[State] = []

    def add(self, index: int, state: State, size: int) -> None:
        """A closed pane, later than all before it."""
        total = self._accumulator.empty(size)
        if self._totals:
            total = self._accumulator.merge(total, self._totals[-1], None, size)
        self._totals.append(self._accumulator.merge(total, state, None, size))
        self.indices.append(index)

    def between(self, first: int, last: int, size: int) -> State:
        """The state of panes first … last − 1."""
        end, start = bisect_left(self.indices, last) - 1, bisect_left(self.indices, first) - 1
        if end < 0 or end == start:
            return self._accumulator.empty(size)
        return self._totals[end] if start < 0 else difference(self._totals[end], self._totals[start])

    def drop_before(self, index: int) -> None:
        """Keep the last total below `index`: windows that start there subtract it."""
        keep = bisect_right(self.indices, index - 1) - 1
        if keep > 0:
            del self.indices[:keep], self._totals[:keep]


def difference(state: State, earlier: State) -> State:
    """`state` less `earlier`, an older total of the same accumulation."""
    if isinstance(state, dict):
        return {number: _less(sums, earlier.get(number)) for number, sums in state.items()}
    return _less(state, earlier)


def _less(total: State, earlier: State | None) -> State:
    if earlier is None:
        return total
    result = total.copy()
    result[: len(earlier)] -= earlier
    return result
