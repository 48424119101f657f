"""`distinct`: number of different values, exact up to 1,024"""

from __future__ import annotations

from collections.abc import Sequence

from streamwatchd.aggregates import sketch
from streamwatchd.aggregates.accumulator import State
from streamwatchd.aggregates.base import AggregateSpec, Need, Span
from streamwatchd.batch import Column
from streamwatchd.lang.typed import Aggregate


def finish(states: Sequence[State], size: int, node: Aggregate, span: Span) -> Column:
    """One answer a key; NaN is null."""
    return sketch.distinct(states[0], size)


spec = AggregateSpec(
    name="distinct",
    doc="number of different values, exact up to 1,024, then an estimate some 2 % off, too rough to find one more",
    example="distinct(user over 1h)",
    needs=(Need("distinct", "value"),),
    finish=finish,
    integral=True,
)
