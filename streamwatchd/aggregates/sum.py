"""`sum`: sum of the values; 0 where there is none"""

from __future__ import annotations

from collections.abc import Sequence

from streamwatchd.aggregates import exact
from streamwatchd.aggregates.accumulator import State
from streamwatchd.aggregates.base import AggregateSpec, Need, Span
from streamwatchd.batch import Column
from streamwatchd.lang.typed import Aggregate


def finish(states: Sequence[State], size: int, node: Aggregate, span: Span) -> Column:
    """One answer a key; NaN is null."""
    return exact.to_float(states[0], size)


spec = AggregateSpec(
    name="sum",
    doc="sum of the values; 0 where there is none",
    example="sum(octets over 5m)",
    needs=(Need("sum", "value"),),
    finish=finish,
)
