"""Long windows from running totals: the same state as merging the panes one by one."""

from __future__ import annotations

import random

import numpy as np
import pytest

from streamwatchd.aggregates.accumulator import State
from streamwatchd.aggregates.base import ACCUMULATORS
from streamwatchd.aggregates.steps import Last, Steps
from streamwatchd.operators.prefix import EXACT, RunningTotals
from streamwatchd.operators.spec import Accumulation


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
def test_windows_are_differences_of_totals(name: str, seed: int) -> None:
    """Whatever panes are missing, however many keys each knows, while panes close and old ones go."""
    rng = random.Random(seed)
    accumulator = ACCUMULATORS[name]
    panes: dict[int, State] = {}
    totals = RunningTotals(Accumulation(name, "value", None, None))
    low, sample = 0, Last()
    for closed in range(1, 40):
        size = 2 + closed // 8
        if rng.random() < 0.7:
            groups = np.array([rng.randrange(size) for _ in range(5)], np.intp)
            values = np.array([rng.choice((0.1, 1e9, -2.5e-7, 3.0)) for _ in range(5)])
            panes[closed - 1] = accumulator.reduce(groups, size, values, np.full(5, closed, np.int64))
            if isinstance(accumulator, Steps):
                sample = accumulator.settle(panes[closed - 1], sample, size, 1_000, 0, closed)
            totals.add(closed - 1, panes[closed - 1], size)
        first, last = sorted((rng.randrange(low, closed + 1), rng.randrange(low, closed + 1)))
        merged = accumulator.empty(size)
        for index in range(first, last):
            if index in panes:
                merged = accumulator.merge(merged, panes[index], None, size)
        assert plain(totals.between(first, last, size), size) == plain(merged, size)
        if closed % 10 == 0:
            low = closed - 6
            panes = {index: state for index, state in panes.items() if index >= low}
            totals.drop_before(low)


def test_old_totals_go() -> None:
    """What is kept is bounded by what windows can reach."""
    totals = RunningTotals(Accumulation("count", "rows", None, None))
    for index in range(100):
        totals.add(index, np.ones(1, np.int64), 1)
    totals.drop_before(90)
    assert totals.indices == list(range(89, 100))
    assert totals.between(90, 100, 1).tolist() == [10]
