"""`slope`: how fast the values rise, a second: that of the line of least squares"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from streamwatchd.aggregates import line
from streamwatchd.aggregates.accumulator import State
from streamwatchd.aggregates.base import AggregateSpec, Need, Span
from streamwatchd.batch import Column
from streamwatchd.lang.typed import Aggregate


def finish(states: Sequence[State], size: int, node: Aggregate, span: Span) -> Column:
    """One answer a key; NaN is null."""
    result = np.full(size, np.nan)
    for key, _, _, _, rise, spread, scale in line.fits(states[0], size):
        result[key] = line.quotient(1_000 * rise, spread * scale)
    return result


spec = AggregateSpec(
    name="slope",
    doc="how fast the values rise, a second: that of the line of least squares",
    example="slope(disk over 1h)",
    needs=(Need("line", "value"),),
    finish=finish,
)
