"""`changes`: how often a value differed from the one before it"""

from __future__ import annotations

from collections.abc import Sequence

from streamwatchd.aggregates import steps
from streamwatchd.aggregates.accumulator import State
from streamwatchd.aggregates.base import AggregateSpec, Need, Span
from streamwatchd.batch import Column
from streamwatchd.lang.typed import Aggregate


def finish(states: Sequence[State], size: int, node: Aggregate, span: Span) -> Column:
    """One answer a key; NaN is null."""
    return steps.changes(states[0], size)


spec = AggregateSpec(
    name="changes",
    doc="how often a value differed from the one before it",
    example="changes(status over 1h)",
    needs=(Need("changes", "value"),),
    finish=finish,
    integral=True,
)
