"""`rate`: how much a counter grew, a second"""

from __future__ import annotations

from collections.abc import Sequence

from streamwatchd.aggregates import steps
from streamwatchd.aggregates.accumulator import State
from streamwatchd.aggregates.base import AggregateSpec, Need, Span
from streamwatchd.batch import Column
from streamwatchd.lang.typed import Aggregate


def finish(states: Sequence[State], size: int, node: Aggregate, span: Span) -> Column:
    """One answer a key; NaN is null."""
    return steps.increases(states[0], size) * (1_000 / span.size_ms)


spec = AggregateSpec(
    name="rate",
    doc="how much a counter grew, a second",
    example="rate(in_errors over 5m)",
    needs=(Need("increase", "value"),),
    finish=finish,
)
