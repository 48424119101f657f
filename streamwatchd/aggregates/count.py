"""`count`: number of events, or of values that are not null"""

from __future__ import annotations

from collections.abc import Sequence

from streamwatchd.aggregates.accumulator import State
from streamwatchd.aggregates.base import AggregateSpec, Need, Span, padded
from streamwatchd.batch import Column
from streamwatchd.lang.typed import Aggregate


def finish(states: Sequence[State], size: int, node: Aggregate, span: Span) -> Column:
    """One answer a key; NaN is null."""
    return padded(states[0], size, 0.0)


spec = AggregateSpec(
    name="count",
    doc="number of events, or of values that are not null",
    example="count(where status >= 500 over 1m)",
    needs=(Need("count", "value"),),
    finish=finish,
    integral=True,
)
