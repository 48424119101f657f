"""A profile of the hours of day or week, by medians over all keys."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from streamwatchd.models._pace import Pace, transform
from streamwatchd.models.seasonal import SLOTS, slots_of
from streamwatchd.training.history import Advance, History
from streamwatchd.training.pace import arrays_of, first_pace, periods_in, robust_spread

Arrays = dict[str, npt.NDArray[Any]]
_FEWEST = 20
"""Values that an hour needs for a spread of its own."""


def fit(history: History, every_ms: int, seed: int, given: dict[str, int], advance: Advance) -> Arrays:
    pace = first_pace(history, every_ms)
    slots = SLOTS[periods_in(history)]
    off = _off_levels(pace, history)
    advance(0.3)
    slot = slots_of(history.ends_ms, slots)
    usual, spread = np.zeros((slots, pace.features)), np.ones((slots, pace.features))
    for each in range(slots):
        mine = off[slot == each]
        if len(mine):
            usual[each] = np.median(mine, axis=0)
    left = off - usual[slot]
    error = robust_spread(left)
    for each in range(slots):
        mine = left[slot == each]
        if len(mine) >= _FEWEST:
            spread[each] = np.clip(robust_spread(mine) / error, 0.3, 10.0)
        advance(0.3 + 0.7 * (each + 1) / slots)
    return {"usual": usual, "spread": spread, **arrays_of(pace, error)}


def _off_levels(pace: Pace, history: History) -> npt.NDArray[np.float64]:
    """How far each value is from its key's median, in units."""
    values = transform(history.vectors, pace.log) / pace.unit
    found = np.zeros(values.shape)
    for rows in history.series():
        found[rows] = values[rows] - np.median(values[rows], axis=0)
    return found
