"""`quantile`: nearest-rank percentile within 1 %, written p50 to p99.9"""

from __future__ import annotations

from collections.abc import Sequence

from streamwatchd.aggregates import sketch
from streamwatchd.aggregates.accumulator import State
from streamwatchd.aggregates.base import AggregateSpec, Need
from streamwatchd.batch import Column


def finish(states: Sequence[State], size: int, quantile: float | None) -> Column:
    """One answer a key; NaN is null."""
    assert quantile is not None
    return sketch.quantile(states[0], quantile, size)


spec = AggregateSpec(
    name="quantile",
    doc="nearest-rank percentile within 1 %, written p50 to p99.9",
    example="p99(latency over 5m)",
    needs=(Need("histogram", "value"),),
    finish=finish,
)
