"""Windows of counts and sums that move on: what leaves is subtracted, what enters is added.

Counts and sums are integers and add and subtract exactly (modulo 2^64, so that a sum may run over without harm to its
differences), so a window that has moved is the same as one merged from all of its panes. What is kept per window is one
state; a step costs two panes, however many lie between.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass

from streamwatchd.aggregates.accumulator import State, widened
from streamwatchd.aggregates.base import ACCUMULATORS

EXACT = frozenset({"count", "sum", "rough_sum", "square_sum", "line", "increase", "changes"})
"""Accumulators whose states subtract."""


@dataclass(slots=True)
class _Window:
    """The state of panes first … last − 1."""

    first: int
    last: int
    state: State


class Sliding:
    """The windows of one accumulation over closed panes, by what their readers call them.

    `states(first, last)` gives those of panes first … last − 1, in any order.
    """

    def __init__(self, accumulator: str, states: Callable[[int, int], Iterable[State]]) -> None:
        self._accumulator, self._states = ACCUMULATORS[accumulator], states
        self._windows: dict[Hashable, _Window] = {}

    def __len__(self) -> int:
        return len(self._windows)

    def read(self, name: Hashable, first: int, last: int, size: int) -> State:
        """The state of panes first … last − 1, for `size` keys; the next reading of the same name changes it."""
        window = self._windows.get(name)
        if window is None or abs(first - window.first) + abs(last - window.last) > last - first:
            window = self._windows[name] = _Window(first, first, self._accumulator.empty(size))
        self._move(window, first, last, size)
        return window.state

    def _move(self, window: _Window, first: int, last: int, size: int) -> None:
        """Edges go where they belong one pane at a time; in between, a window may lie the wrong way round."""
        self._add(window, window.last, last, size)
        self._subtract(window, last, window.last)
        self._subtract(window, window.first, first)
        self._add(window, first, window.first, size)
        window.first, window.last = first, last

    def _add(self, window: _Window, first: int, last: int, size: int) -> None:
        for state in self._states(first, last):
            window.state = self._accumulator.merge(window.state, state, None, size)

    def _subtract(self, window: _Window, first: int, last: int) -> None:
        for state in self._states(first, last):
            window.state = difference(window.state, state)

    def drop_before(self, index: int) -> None:
        """Panes below an index go: windows that start there can't be moved any more."""
        self._windows = {name: window for name, window in self._windows.items() if window.first >= index}


def difference(state: State, part: State) -> State:
    """`state` less `part`, of the same accumulation; changes `state`."""
    if isinstance(state, dict):
        for number, sums in part.items():
            state[number] = _less(state.get(number), sums)
        return state
    return _less(state, part)


def _less(total: State, part: State) -> State:
    total = widened(part[:0] if total is None else total, len(part))
    total[: len(part)] -= part
    return total
