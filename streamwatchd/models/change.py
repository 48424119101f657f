"""Has the level changed? Two cumulative sums (Page 1954) of how far values are from a level that follows them slowly.

A value a little off for long adds up as one far off does at once; what is within `slack` spreads of the level counts
for nothing.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from streamwatchd.errors import ModelRejected
from streamwatchd.models import Arrays, Instants, Kind, Vectors
from streamwatchd.models._pace import Numbers, Pace, pace_of, shares
from streamwatchd.repository.artifact import array_of
from streamwatchd.repository.manifest import Manifest

WARM = 10
_FARTHEST = 8.0
"""No value adds more than so many spreads."""


class Change:
    def __init__(self, pace: Pace, slack: float, fade: float) -> None:
        self._pace, self._slack, self._fade = pace, slack, fade
        self.memory = pace.memory + 2 * pace.features

    def score(self, vectors: Vectors, memory: Vectors, ends_ms: Instants) -> tuple[npt.NDArray[np.float64], Vectors]:
        values, steps, level, _, variance = self._pace.begin(vectors, memory)
        sums = self._sums(values, steps, level, variance, memory)
        raw = np.where(steps < WARM, np.nan, sums.max(axis=(0, 1)))
        sums = np.where(steps < WARM, 0.0, sums)
        after, _ = self._pace.after(values, level, steps, level, variance)
        return raw, np.concatenate([after, sums.reshape(2 * self._pace.features, len(vectors)).T], axis=1)

    def _sums(self, values: Numbers, steps: Numbers, level: Numbers, variance: Numbers, memory: Vectors) -> Numbers:
        """(up and down, features, n)."""
        off = np.clip((values - level) / np.sqrt(variance), -_FARTHEST, _FARTHEST)
        before = np.where(steps == 0.0, 0.0, memory[:, self._pace.memory :].T).reshape(2, *values.shape)
        found: Numbers = np.maximum(self._fade * before + np.stack([off, -off]) - self._slack, 0.0)
        return found

    def drivers(self, vectors: Vectors, memory: Vectors, ends_ms: Instants) -> Vectors:
        """The parts of the sums."""
        values, steps, level, _, variance = self._pace.begin(vectors, memory)
        sums = self._sums(values, steps, level, variance, memory).max(axis=0)
        return shares(sums, np.ones_like(sums))


def load(manifest: Manifest, arrays: Arrays) -> Change:
    slack, fade = array_of(arrays, "sums", "f", (2,)).astype(np.float64).tolist()
    if not (0 <= slack <= 10 and 0 <= fade <= 1):
        raise ModelRejected("`sums` is not a slack of 0 to 10 and a share of 0 to 1 that is kept")
    return Change(pace_of(arrays, len(manifest.features)), slack, fade)


SPEC = Kind(
    "change",
    "Whether a level has changed, by cumulative sums of how far vectors are from it. For shifts too small to see at "
    "once; it knows no rhythm.",
    ("sums", "unit", "error", "log", "rates"),
    load,
)
