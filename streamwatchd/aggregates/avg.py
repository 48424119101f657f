"""`avg`: arithmetic mean of the values"""

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
    count = padded(states[1], size, 0.0)
    with np.errstate(invalid="ignore"):
        return np.where(count > 0, exact.to_float(states[0], size) / count, np.nan)


spec = AggregateSpec(
    name="avg",
    doc="arithmetic mean of the values",
    example="avg(cpu over 5m)",
    needs=(Need("sum", "value"), Need("count", "value")),
    finish=finish,
)
