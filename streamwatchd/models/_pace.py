"""The pace of a key: where its values usually lie and how far they stray, followed step by step and not led astray.

Only additions, products, quotients and square roots, each rounded as IEEE 754 says: the same bits on every machine and
in every batch. What is not (logarithms, sines) is rounded to a grid of 2⁻³² first.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from streamwatchd.errors import ModelRejected
from streamwatchd.models import Arrays
from streamwatchd.repository.artifact import array_of
from streamwatchd.repository.grid import settled

Numbers = npt.NDArray[np.float64]
_FAR = 4.0
"""A value further than so many spreads from its forecast counts as being there: one outlier moves little."""
_LARGEST = 1e100
_LARGEST_VALUE = 1e200
"""Values beyond count as being there: nothing made of them overflows."""
UNITS, ERRORS = (1e-9, 1e100), (1e-3, 1e12)
"""Least and greatest."""
DAY_MS, WEEK_MS = 86_400_000, 7 * 86_400_000
MONDAY_MS = 4 * 86_400_000
"""1970-01-01 was a Thursday: weeks begin four days later."""
RHYTHM = 4


def transform(vectors: Numbers, log: npt.NDArray[np.bool_]) -> Numbers:
    """(n, features): features whose changes are proportions become logarithms, with their sign."""
    vectors = np.clip(vectors, -_LARGEST_VALUE, _LARGEST_VALUE)
    if not log.any():
        return vectors
    logs = settled(np.copysign(np.log1p(np.abs(vectors)), vectors))
    return np.where(log, logs, vectors)


def rhythm(ends_ms: npt.NDArray[np.int64], periods: int) -> Numbers:
    """(4, n): where in the day and the week, as sines and cosines; 0 for a period that was not learned (of 0, 1, 2)."""
    found = np.zeros((RHYTHM, len(ends_ms)))
    for row, period in enumerate((DAY_MS, WEEK_MS)[:periods]):
        angles = 2.0 * np.pi * ((ends_ms - MONDAY_MS) % period) / period
        found[2 * row], found[2 * row + 1] = np.sin(angles), np.cos(angles)
    return settled(found)


@dataclass(frozen=True, eq=False)
class Pace:
    """How a key's level and spread follow its values. `level_rate` and `spread_rate` are shares a step, `unit` is the
    spread of a feature around its level over all keys, after `log`.

    The memory of a key: [steps seen, level, last value, variance], 1 + 3 × features numbers; the variance is of
    forecast errors, in units.
    """

    unit: Numbers
    log: npt.NDArray[np.bool_]
    level_rate: float
    spread_rate: float
    error: Numbers

    @property
    def features(self) -> int:
        return len(self.unit)

    @property
    def memory(self) -> int:
        return 1 + 3 * self.features

    def begin(self, vectors: Numbers, memory: Numbers) -> tuple[Numbers, Numbers, Numbers, Numbers, Numbers]:
        """(values in units (features, n), steps (n,), level, last, variance), new keys at their first value."""
        values = transform(vectors, self.log).T / self.unit[:, None]
        steps, columns = memory[:, 0].copy(), memory[:, 1 : self.memory].T.reshape(3, self.features, -1)
        fresh = np.isnan(steps)
        steps[fresh] = 0.0
        level, last = (np.where(fresh, values, column) for column in columns[:2])
        variance = np.where(fresh, (self.error * self.error)[:, None], columns[2])
        return values, steps, level, last, variance

    def after(
        self,
        values: Numbers,
        forecast: Numbers,
        steps: Numbers,
        level: Numbers,
        variance: Numbers,
        usual: Numbers | float = 0.0,
        spread: Numbers | float = 1.0,
    ) -> tuple[Numbers, Numbers]:
        """The memory (n, memory) after these values, and the values as they count (features, n).

        At this time of the rhythm values lie at level + `usual`, and stray by `spread` times what they do over all.
        """
        far = _FAR * np.sqrt(variance)
        errors = np.clip((values - forecast) / spread, -far, far)
        heard = forecast + spread * errors
        rate = np.maximum(self.level_rate, 1.0 / (steps + 1.0))
        level = level + rate * np.clip(heard - usual - level, -_FAR, _FAR)
        floor = 0.01 * (self.error * self.error)[:, None]
        variance = np.maximum(variance + self.spread_rate * (errors * errors - variance), floor)
        memory = np.empty((values.shape[1], self.memory))
        memory[:, 0] = steps + 1.0
        memory[:, 1:] = np.concatenate([level, heard, variance]).T
        return memory, heard


def far_off(errors: Numbers, variance: Numbers) -> Numbers:
    """(n,): the root of the mean squared error, in spreads, the features (features, n) added in their order."""
    total = np.zeros(errors.shape[1])
    for error, one in zip(np.clip(errors, -_LARGEST, _LARGEST), variance):
        total += error * error / one
    return np.sqrt(total / len(errors))


def shares(errors: Numbers, variance: Numbers) -> Numbers:
    """(n, features): the parts that the features have in `far_off`."""
    errors = np.clip(errors, -_LARGEST, _LARGEST)
    parts = (errors * errors / variance).T
    total = parts.sum(axis=1, keepdims=True)
    return parts / np.where(total > 0, total, 1.0)


def pace_of(arrays: Arrays, features: int) -> Pace:
    """From the arrays of an artifact. Raises ModelRejected."""
    unit = array_of(arrays, "unit", "f", (features,)).astype(np.float64)
    error = array_of(arrays, "error", "f", (features,)).astype(np.float64)
    log = array_of(arrays, "log", "iub", (features,)).astype(np.bool_)
    level_rate, spread_rate = array_of(arrays, "rates", "f", (2,)).astype(np.float64).tolist()
    inside = all(((low <= each) & (each <= high)).all() for each, (low, high) in ((unit, UNITS), (error, ERRORS)))
    if not inside or not (0 < level_rate <= 1 and 0 < spread_rate <= 1):
        raise ModelRejected("`unit`, `error` or `rates` is out of range")
    return Pace(unit, log, level_rate, spread_rate, error)
