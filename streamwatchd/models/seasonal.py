"""How far a value is from what it usually is at this hour, for a key whose level and spread are followed.

The profile, learned over all keys, is the median distance from the level by hour of the day or of the week, and how far
values stray from it (median absolute deviation) relative to the whole.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from streamwatchd.errors import ModelRejected
from streamwatchd.models import Arrays, Instants, Kind, Vectors
from streamwatchd.models._pace import MONDAY_MS, Numbers, Pace, far_off, pace_of, shares
from streamwatchd.repository.artifact import array_of
from streamwatchd.repository.manifest import Manifest

HOUR_MS = 3_600_000
SLOTS = (1, 24, 168)
WARM = 2


@dataclass(frozen=True, eq=False)
class Profile:
    """`usual` and `spread`, (slots, features): slots are hours from Monday 00:00 UTC, or from midnight, or all time."""

    usual: Numbers
    spread: Numbers

    def at(self, ends_ms: Instants) -> tuple[Numbers, Numbers]:
        """(features, n) each, of the hour that holds the end of each window."""
        slots = slots_of(ends_ms, len(self.usual))
        return self.usual[slots].T, self.spread[slots].T


def slots_of(ends_ms: Instants, slots: int) -> npt.NDArray[np.int64]:
    """(n,): the hour that a window ended in."""
    found: npt.NDArray[np.int64] = (ends_ms - 1 - MONDAY_MS) // HOUR_MS % slots
    return found


class Seasonal:
    def __init__(self, profile: Profile, pace: Pace) -> None:
        self._profile, self._pace = profile, pace
        self.memory = pace.memory

    def score(self, vectors: Vectors, memory: Vectors, ends_ms: Instants) -> tuple[npt.NDArray[np.float64], Vectors]:
        usual, spread = self._profile.at(ends_ms)
        values, steps, level, _, variance = self._pace.begin(vectors, memory)
        level = np.where(steps < 1.0, level - usual, level)
        forecast = level + usual
        raw = np.where(steps < WARM, np.nan, far_off((values - forecast) / spread, variance))
        after, _ = self._pace.after(values, forecast, steps, level, variance, usual, spread)
        return raw, after

    def forecast(self, vectors: Vectors, memory: Vectors, ends_ms: Instants) -> tuple[Numbers, Numbers]:
        """What was expected of each row and what came, (n, features) each, in the units of the pace: for reports."""
        values, _, level, _, _ = self._pace.begin(vectors, memory)
        return (level + self._profile.at(ends_ms)[0]).T, values.T

    def drivers(self, vectors: Vectors, memory: Vectors, ends_ms: Instants) -> Vectors:
        """The parts of the error."""
        usual, spread = self._profile.at(ends_ms)
        values, _, level, _, variance = self._pace.begin(vectors, memory)
        return shares((values - level - usual) / spread, variance)


def load(manifest: Manifest, arrays: Arrays) -> Seasonal:
    features = len(manifest.features)
    usual = array_of(arrays, "usual", "f", (None, features)).astype(np.float64)
    spread = array_of(arrays, "spread", "f", (len(usual), features)).astype(np.float64)
    if len(usual) not in SLOTS:
        raise ModelRejected(f"`usual` has {len(usual)} slots, not 1, 24 or 168")
    if (spread < 1e-3).any() or (spread > 1e3).any() or (np.abs(usual) > 1e6).any():
        raise ModelRejected("`usual` or `spread` is out of range")
    return Seasonal(Profile(usual, spread), pace_of(arrays, features))


SPEC = Kind(
    "seasonal",
    "How far a vector is from what it usually is at this hour of the day or week, by median and median absolute "
    "deviation, around the key's own level. For a rhythm that all keys share.",
    ("usual", "spread", "unit", "error", "log", "rates"),
    load,
)
