"""What the change detector needs: units, and how far values usually are from a level that follows them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from streamwatchd.training.history import Advance, History
from streamwatchd.training.pace import arrays_of, first_pace

Arrays = dict[str, npt.NDArray[Any]]
SLACK, FADE = 0.5, 0.98


def fit(history: History, every_ms: int, seed: int, given: dict[str, int], advance: Advance) -> Arrays:
    pace = first_pace(history, every_ms)
    advance(1.0)
    return {"sums": np.array([SLACK, FADE]), **arrays_of(pace, np.ones(pace.features))}
