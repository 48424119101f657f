"""`min`: least value"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from streamwatchd.aggregates.accumulator import State
from streamwatchd.aggregates.base import AggregateSpec, Need, Span, padded
from streamwatchd.batch import Column
from streamwatchd.lang.typed import Aggregate


def finish(states: Sequence[State], size: int, node: Aggregate, span: Span) -> Column:
    """One answer a key; NaN is null."""
    least = padded(states[0], size, np.inf)
    return np.where(np.isinf(least), np.nan, least)


spec = AggregateSpec(
    name="min",
    doc="least value",
    example="min(free over 10m)",
    needs=(Need("min", "value"),),
    finish=finish,
)
