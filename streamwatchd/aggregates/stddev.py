"""`stddev`: population standard deviation of the values, cut to 26 significant bits"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from streamwatchd.aggregates import exact
from streamwatchd.aggregates.accumulator import State
from streamwatchd.aggregates.base import AggregateSpec, Need, Span, padded
from streamwatchd.batch import Column
from streamwatchd.lang.typed import Aggregate


def finish(states: Sequence[State], size: int, node: Aggregate, span: Span) -> Column:
    """One answer a key; NaN is null."""
    return np.sqrt(exact.variances(states[0], states[1], padded(states[2], size, 0.0), size))


spec = AggregateSpec(
    name="stddev",
    doc="population standard deviation of the values, cut to 26 significant bits",
    example="stddev(latency over 5m)",
    needs=(Need("rough_sum", "value"), Need("square_sum", "value"), Need("count", "value")),
    finish=finish,
)
