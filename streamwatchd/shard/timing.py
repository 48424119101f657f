"""Where the time of an epoch goes, and how old its records are when it counts."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

PARTS = ("consume", "decode", "evaluate", "journal", "produce", "commit")
SAMPLED = 64
"""At most so many records of a batch are looked at for latencies."""


def sample(values: Sequence[int] | npt.NDArray[np.int64]) -> list[int]:
    """At most `SAMPLED` of them, evenly spread."""
    chosen = values[:: max(1, -(-len(values) // SAMPLED))]
    return chosen.tolist() if isinstance(chosen, np.ndarray) else list(chosen)


@dataclass(slots=True)
class Timing:
    """`parts` are seconds by what was done; `stamps` the timestamps of a few of the epoch's records, `times` the event
    times of a few of its events, in ms."""

    parts: defaultdict[str, float] = field(default_factory=lambda: defaultdict(float))
    stamps: list[int] = field(default_factory=list)
    times: list[int] = field(default_factory=list)


def ages_s(times_ms: Sequence[int], now_ms: int) -> npt.NDArray[np.float64]:
    """Seconds from each instant to now; none below 0."""
    return np.maximum(now_ms - np.array(times_ms, np.int64), 0) / 1000
