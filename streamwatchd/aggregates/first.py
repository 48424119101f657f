"""`first`: value at the earliest event time"""

from __future__ import annotations

from collections.abc import Sequence

from streamwatchd.aggregates.accumulator import State, edge_values
from streamwatchd.aggregates.base import AggregateSpec, Need, Span
from streamwatchd.batch import Column
from streamwatchd.lang.typed import Aggregate


def finish(states: Sequence[State], size: int, node: Aggregate, span: Span) -> Column:
    """One answer a key; NaN is null."""
    return edge_values(states[0], size, node.type.kind)


spec = AggregateSpec(
    name="first",
    doc="value at the earliest event time",
    example="first(version over 1h)",
    needs=(Need("first", "value"),),
    finish=finish,
)
