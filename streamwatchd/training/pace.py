"""The pace of keys as it is learned: which features are taken as logarithms, how far values lie from their level."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from streamwatchd.models._pace import DAY_MS, ERRORS, UNITS, WEEK_MS, Pace, transform
from streamwatchd.training.history import History

Numbers = npt.NDArray[np.float64]
_DEVIATION = 1.4826
"""A median absolute deviation times this is the standard deviation of a normal distribution."""
_SKEWED = 3.0


def robust_spread(values: Numbers) -> Numbers:
    """Per column, as a standard deviation; where more than half are equal, of what is not; at least 1e-9."""
    off = np.abs(values - np.median(values, axis=0))
    found = _DEVIATION * np.median(off, axis=0)
    return np.maximum(np.where(found > 0, found, off.std(axis=0)), 1e-9)


def periods_in(history: History) -> int:
    """How many rhythms the history is long enough for: the day needs two days, the week two weeks."""
    first, last = history.span_ms if len(history) else (0, 0)
    return int(last - first >= 2 * DAY_MS) + int(last - first >= 2 * WEEK_MS)


def first_pace(history: History, every_ms: int) -> Pace:
    """With an error of one unit; `arrays_of` is given what remains after a forecast."""
    log = np.array([_proportional(column) for column in history.vectors.T], np.bool_)
    values = transform(history.vectors, log)
    off = np.concatenate([values[rows] - np.median(values[rows], axis=0) for rows in history.series()])
    unit = np.clip(robust_spread(off), *UNITS)
    day = DAY_MS / every_ms
    return Pace(unit, log, min(0.5, 1.0 / (3.0 * max(day, 1.0))), min(0.1, 1.0 / max(day, 10.0)), np.ones(len(unit)))


def _proportional(column: Numbers) -> bool:
    """Whether a feature's changes are proportions: never negative, and far from symmetrical over all keys."""
    if column.min() < 0:
        return False
    low, middle, high = np.quantile(column, [0.05, 0.5, 0.95])
    return bool(middle > 0 and high - middle > _SKEWED * (middle - low)) or bool(low > 0 and high / low > 10)


def arrays_of(pace: Pace, error: Numbers) -> dict[str, npt.NDArray[np.generic]]:
    """As artifacts hold it, with the usual error of a forecast in units."""
    return {
        "unit": pace.unit,
        "error": np.clip(error, *ERRORS),
        "log": pace.log.astype(np.uint8),
        "rates": np.array([pace.level_rate, pace.spread_rate]),
    }
