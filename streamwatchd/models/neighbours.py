"""Has the key moved like this before? The raw score is how far the last values of a key are from the nearest stretches
that were learned.

A stretch is the last values, relative to the key's level; its distance is Mahalanobis's, the root of the mean square
over the NEAREST of those learned (k nearest neighbours over lagged values: Burnaev and Ishimtsev, Conformalized
density- and distance-based anomaly detection in time-series data, 2016).
"""

from __future__ import annotations

import numpy as np

from streamwatchd.errors import ModelRejected
from streamwatchd.models import Arrays, Instants, Kind, Vectors
from streamwatchd.models._pace import Numbers, Pace, pace_of
from streamwatchd.models.lstm import weighed
from streamwatchd.repository.artifact import array_of
from streamwatchd.repository.manifest import Manifest

NEAREST = 27
FARTHEST = 1e3
"""Values are cut at so many units from the key's level."""
MOST_STRETCHES = 4_096
MOST_LAGS = 64
_MOST_NUMBERS = 1 << 22
_BLOCK = 256


class Neighbours:
    """The memory of a key: that of its pace, then its last lags − 1 values from their level, newest last.

    `whiten` is (lags × features, lags × features), `stretches` (n, lags × features) whitened, oldest values first.
    """

    def __init__(self, pace: Pace, whiten: Numbers, stretches: Numbers) -> None:
        self._pace, self._whiten, self._stretches = pace, whiten, stretches
        self._no_bias = np.zeros(len(whiten))
        self._lags = len(whiten) // pace.features
        self.memory = pace.memory + (self._lags - 1) * pace.features

    def score(self, vectors: Vectors, memory: Vectors, ends_ms: Instants) -> tuple[Numbers, Vectors]:
        raw, after = np.empty(len(vectors)), np.empty((len(vectors), self.memory))
        for begin in range(0, len(vectors), _BLOCK):
            rows = slice(begin, begin + _BLOCK)
            raw[rows], after[rows] = self._block(vectors[rows], memory[rows])
        return raw, after

    def _block(self, vectors: Vectors, memory: Vectors) -> tuple[Numbers, Vectors]:
        pace = self._pace
        values, steps, level, _, variance = pace.begin(vectors, memory)
        stretch = self._stretch(values, steps, level, memory)
        raw = np.where(steps < self._lags - 1, np.nan, self._distance(stretch))
        after, _ = pace.after(values, level, steps, level, variance)
        return raw, np.concatenate([after, stretch[pace.features :].T], axis=1)

    def _stretch(self, values: Numbers, steps: Numbers, level: Numbers, memory: Vectors) -> Numbers:
        """(lags × features, n), oldest first; what a new key has not seen is 0, its level."""
        before = np.where(steps == 0.0, 0.0, memory[:, self._pace.memory :].T)
        return np.concatenate([before, np.clip(values - level, -FARTHEST, FARTHEST)])

    def _distance(self, stretch: Numbers) -> Numbers:
        """(n,), added up in one order, so that a row has the same in any batch."""
        whitened = weighed(self._whiten, stretch, self._no_bias)
        squares = np.zeros((stretch.shape[1], len(self._stretches)))
        for mine, theirs in zip(whitened, self._stretches.T):
            off = mine[:, None] - theirs
            off *= off
            squares += off
        count = min(NEAREST, squares.shape[1])
        nearest = np.sort(np.partition(squares, count - 1, axis=1)[:, :count], axis=1)
        total = np.zeros(len(squares))
        for column in nearest.T:
            total += column
        return np.sqrt(total / count)

    def drivers(self, vectors: Vectors, memory: Vectors, ends_ms: Instants) -> Vectors:
        """By how much the distance falls when the feature has stood at its level."""
        values, steps, level, _, _ = self._pace.begin(vectors, memory)
        stretch = self._stretch(values, steps, level, memory)
        whole = self._distance(stretch)
        falls = np.zeros(vectors.shape)
        for feature in range(vectors.shape[1]):
            without = stretch.copy()
            without[feature :: self._pace.features] = 0.0
            falls[:, feature] = np.maximum(whole - self._distance(without), 0.0)
        total = falls.sum(axis=1, keepdims=True)
        return falls / np.where(total > 0, total, 1.0)


def load(manifest: Manifest, arrays: Arrays) -> Neighbours:
    features = len(manifest.features)
    whiten = array_of(arrays, "whiten", "f", (None, None)).astype(np.float64)
    size = len(whiten)
    if not features <= size <= MOST_LAGS * features or size % features or whiten.shape != (size, size):
        raise ModelRejected(f"`whiten` is {list(whiten.shape)}, not square and of 1 to {MOST_LAGS} lags of {features}")
    stretches = array_of(arrays, "stretches", "f", (None, size)).astype(np.float64)
    if not 1 <= len(stretches) <= MOST_STRETCHES or stretches.size > _MOST_NUMBERS:
        raise ModelRejected(f"`stretches` has {len(stretches)} of them, not 1 to {MOST_STRETCHES:,}")
    if np.abs(whiten).max() > 1e9 or np.abs(stretches).max() > 1e15:
        raise ModelRejected("`whiten` or `stretches` is out of range")
    return Neighbours(pace_of(arrays, features), whiten, stretches)


SPEC = Kind(
    "neighbours",
    "How far the last vectors of a key, as a stretch, are from the nearest stretches that were learned. For rises and "
    "falls that no key has had, and levels that it leaves.",
    ("whiten", "stretches", "unit", "error", "log", "rates"),
    load,
)
