"""`ratio`: share of events where the condition is true, of those where it is not null"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from streamwatchd.aggregates.accumulator import State
from streamwatchd.aggregates.base import AggregateSpec, Need, Span, padded
from streamwatchd.batch import Column
from streamwatchd.lang.typed import Aggregate


def finish(states: Sequence[State], size: int, node: Aggregate, span: Span) -> Column:
    """One answer a key; NaN is null."""
    count = padded(states[1], size, 0.0)
    with np.errstate(invalid="ignore"):
        return np.where(count > 0, padded(states[0], size, 0.0) / count, np.nan)


spec = AggregateSpec(
    name="ratio",
    doc="share of events where the condition is true, of those where it is not null",
    example="ratio(status >= 500)",
    needs=(Need("count", "true"), Need("count", "value")),
    finish=finish,
)
