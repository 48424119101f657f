"""`max`: greatest value"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from streamwatchd.aggregates.accumulator import State
from streamwatchd.aggregates.base import AggregateSpec, Need, Span, padded
from streamwatchd.batch import Column
from streamwatchd.lang.typed import Aggregate


def finish(states: Sequence[State], size: int, node: Aggregate, span: Span) -> Column:
    """One answer a key; NaN is null."""
    greatest = padded(states[0], size, -np.inf)
    return np.where(np.isinf(greatest), np.nan, greatest)


spec = AggregateSpec(
    name="max",
    doc="greatest value",
    example="max(latency over 1m)",
    needs=(Need("max", "value"),),
    finish=finish,
)
