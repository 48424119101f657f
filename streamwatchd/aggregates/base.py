"""What an aggregate is: the accumulators it needs, and its answer from their states."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from streamwatchd.aggregates.accumulator import (
    Accumulator,
    Count,
    Edge,
    Extreme,
    RoughSum,
    SquareSum,
    State,
    Sum,
)
from streamwatchd.aggregates.line import Line
from streamwatchd.aggregates.sketch import Distinct, Histogram
from streamwatchd.aggregates.steps import Changes, Increase
from streamwatchd.batch import Column, Numbers
from streamwatchd.lang.typed import Aggregate

ACCUMULATORS: dict[str, Accumulator] = {
    "count": Count(),
    "sum": Sum(),
    "rough_sum": RoughSum(),
    "square_sum": SquareSum(),
    "min": Extreme(greatest=False),
    "max": Extreme(greatest=True),
    "first": Edge(last=False),
    "last": Edge(last=True),
    "histogram": Histogram(),
    "distinct": Distinct(),
    "line": Line(),
    "increase": Increase(),
    "changes": Changes(),
}
"""By name; a name is what snapshots and partials store."""


@dataclass(frozen=True, slots=True)
class Need:
    """An accumulator and what it reads: "value" the argument (nulls left out), "rows" every row that passes,
    "true" the rows where the argument is true."""

    accumulator: str
    reads: str


@dataclass(frozen=True, slots=True)
class Span:
    """Of the window that is read: its length (of a session, the gap), and its end in ms (0 for sessions)."""

    size_ms: int
    end_ms: int


@dataclass(frozen=True, slots=True)
class AggregateSpec:
    """An aggregate of the language. `finish(states, size, node, span)` gives one entry per key; NaN is null.

    `doc` and `example` go to the reference; `integral` says that answers are whole numbers and print as such.
    """

    name: str
    doc: str
    example: str
    needs: tuple[Need, ...]
    finish: Callable[[Sequence[State], int, Aggregate, Span], Column]
    integral: bool = False


def padded(state: State, size: int, fill: float) -> Numbers:
    """A dense numeric state as float64 of `size` entries."""
    result = np.full(size, fill)
    result[: len(state)] = state[:size]
    return result
