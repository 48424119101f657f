"""`quantile`: nearest-rank percentile within 1 %, written p50 to p99.9"""

from __future__ import annotations

from collections.abc import Sequence

from streamwatchd.aggregates import sketch
from streamwatchd.aggregates.accumulator import State
from streamwatchd.aggregates.base import AggregateSpec, Need, Span
from streamwatchd.batch import Column
from streamwatchd.lang.typed import Aggregate


def finish(states: Sequence[State], size: int, node: Aggregate, span: Span) -> Column:
    """One answer a key; NaN is null."""
    assert node.quantile is not None
    return sketch.quantile(states[0], node.quantile, size)


spec = AggregateSpec(
    name="quantile",
    doc="nearest-rank percentile within 1 %, written p50 to p99.9",
    example="p99(latency over 5m)",
    needs=(Need("histogram", "value"),),
    finish=finish,
)
