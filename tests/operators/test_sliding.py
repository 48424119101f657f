"""Long windows that move on: the same state as merging the panes one by one."""

from __future__ import annotations

import random
from collections.abc import Iterator

import numpy as np
import pytest

from streamwatchd.aggregates.accumulator import State
from streamwatchd.aggregates.base import ACCUMULATORS
from streamwatchd.aggregates.steps import Last, Steps
from streamwatchd.operators.sliding import EXACT, Sliding


def plain(state: State, size: int) -> object:
    if isinstance(state, dict):
        whole = {number: part for number, part in state.items() if np.any(part)}
        found = ({n: int(part[key]) for n, part in whole.items() if key < len(part)} for key in range(size))
        return [{n: count for n, count in each.items() if count} for each in found]
    padded = np.zeros(size)
    padded[: len(state)] = state
    return padded.tolist()


@pytest.mark.parametrize("name", sorted(EXACT))
@pytest.mark.parametrize("seed", range(5))
def test_windows_that_move_are_merged_panes(name: str, seed: int) -> None:
    """Whatever panes are missing, however many keys each knows, and whichever way a window goes; panes are shrunk."""
    rng = random.Random(seed)
    accumulator = ACCUMULATORS[name]
    panes: dict[int, State] = {}

    def states(first: int, last: int) -> Iterator[State]:
        return (panes[index] for index in range(first, last) if index in panes)

    sliding = Sliding(name, states)
    low, sample = 0, Last()
    for closed in range(1, 80):
        size = 2 + closed // 8
        if rng.random() < 0.7:
            groups = np.array([rng.randrange(size) for _ in range(5)], np.intp)
            values = np.array([rng.choice((0.1, 1e9, -2.5e-7, 3.0)) for _ in range(5)])
            state = accumulator.reduce(groups, size, values, np.full(5, closed, np.int64))
            if isinstance(accumulator, Steps):
                sample = accumulator.settle(state, sample, size, 1_000, 0, closed)
            panes[closed - 1] = accumulator.shrink(state) if rng.random() < 0.8 else state
        wanted = {
            "steady": (max(low, closed - 7), closed),
            "anywhere": tuple(sorted((rng.randrange(low, closed + 1), rng.randrange(low, closed + 1)))),
        }
        for reader, (first, last) in wanted.items():
            merged = accumulator.empty(size)
            for index in range(first, last):
                if index in panes:
                    merged = accumulator.merge(merged, panes[index], None, size)
            assert plain(sliding.read(reader, first, last, size), size) == plain(merged, size)
        if closed % 10 == 0:
            low = closed - 8
            panes = {index: state for index, state in panes.items() if index >= low}
            sliding.drop_before(low)


def test_windows_that_nobody_moves_go() -> None:
    """One whose first pane is gone is forgotten."""
    sliding = Sliding("count", lambda first, last: [np.ones(1, np.int64)] * (last - first))
    for start in range(100):
        assert sliding.read(start, start, start + 10, 1).tolist() == [10]
    sliding.drop_before(90)
    assert len(sliding) == 10
    assert sliding.read("late", 95, 99, 1).tolist() == [4]
