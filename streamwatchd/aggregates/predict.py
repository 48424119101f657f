"""`predict`: where the line of least squares will be so long after the end of the window"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from streamwatchd.aggregates import line
from streamwatchd.aggregates.accumulator import State
from streamwatchd.aggregates.base import AggregateSpec, Need, Span
from streamwatchd.batch import Column
from streamwatchd.lang.typed import Aggregate, Ahead


def finish(states: Sequence[State], size: int, node: Aggregate, span: Span) -> Column:
    """One answer a key; NaN is null."""
    assert isinstance(node, Ahead)
    at_ms = span.end_ms + node.ahead_ms
    result = np.full(size, np.nan)
    for key, n, t, x, rise, spread, scale in line.fits(states[0], size):
        result[key] = line.quotient(x * spread + rise * (n * at_ms - t), n * spread * scale)
    return result


spec = AggregateSpec(
    name="predict",
    doc="where the line of least squares will be so long after the end of the window",
    example="predict(disk over 1h in 4h)",
    needs=(Need("line", "value"),),
    finish=finish,
)
