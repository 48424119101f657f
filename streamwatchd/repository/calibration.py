"""Raw scores ↔ the score: 0.95 is met about once in 7 days by a normal key, 0.99 about once in 35, for every model.

Extremes follow a generalised Pareto distribution (Pickands 1975; Siffer et al., Anomaly Detection in Streams with
Extreme Value Theory, KDD 2017). The rate of exceedances a day is share(raw) × per_day; where that is at most one,
score = 1 − 0.35 × rate; below, the score falls with the logarithm of the share, to 0 at the least odd vector.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from streamwatchd.repository.grid import settled
from streamwatchd.repository.manifest import Calibration, Tail

_PER_RATE = 0.35
"""0.05 at one exceedance in 7 days: 0.05 × 7."""
_BODY = 256
_TAIL_SHARE = 0.005
"""More is no tail yet: busy and calm spells of some keys make a shoulder there, whose shape says that scores end."""
_LEAST_TAIL = 20

Numbers = npt.NDArray[np.float64]


def share_above(calibration: Calibration, raw: Numbers) -> Numbers:
    """The share of normal vectors that are odder than each raw score; NaN stays."""
    tail = calibration.tail
    raw = raw + calibration.shift
    shares = np.linspace(1.0, tail.share, len(calibration.body))
    body = np.interp(raw, calibration.body, shares)
    beyond = np.maximum(raw - tail.threshold, 0.0) / tail.scale
    if abs(tail.shape) > 1e-6:
        tails = tail.share * np.maximum(1.0 + tail.shape * beyond, 0.0) ** (-1.0 / tail.shape)
    else:
        tails = tail.share * np.exp(-beyond)
    found: Numbers = np.where(raw > tail.threshold, tails, body)
    return found


def scores(calibration: Calibration, raw: Numbers) -> Numbers:
    """In [0, 1]; NaN where raw is NaN. Never falls where raw rises."""
    share = share_above(calibration, raw)
    rate = share * calibration.per_day
    often = min(1.0, 1.0 / calibration.per_day)
    """The share at which a key has one exceedance a day."""
    if often < 1.0:
        below = (1.0 - _PER_RATE) * np.log(np.maximum(share, 1e-300)) / np.log(often)
    else:
        below = 1.0 - _PER_RATE * rate
    return settled(np.clip(np.where(rate <= 1.0, 1.0 - _PER_RATE * rate, below), 0.0, 1.0))


def raw_at(calibration: Calibration, score: float) -> float:
    """The raw score, as the model gives it, that comes to a score; by halving, as `scores` never falls."""
    tail = calibration.tail
    low, high = calibration.body[0] - calibration.shift, tail.threshold - calibration.shift + tail.scale
    while float(scores(calibration, np.array([high]))[0]) < score and high < 1e12:
        high = high + 2.0 * abs(high - low) + tail.scale
    for _ in range(80):
        middle = 0.5 * (low + high)
        low, high = (low, middle) if float(scores(calibration, np.array([middle]))[0]) >= score else (middle, high)
    return high


def alarms_per_day(threshold: float) -> float:
    """How often a normal key exceeds a score, for scores of at least 0.65."""
    return (1.0 - threshold) / _PER_RATE


def share_of(calibration: Calibration, score: float) -> float:
    """The share of normal vectors that score so high: what `scores` does, the other way."""
    per_day = calibration.per_day
    if per_day <= 1.0 or score >= 1.0 - _PER_RATE:
        return min(1.0, alarms_per_day(score) / per_day)
    return float(per_day ** (-score / (1.0 - _PER_RATE)))


def mean_score(calibration: Calibration) -> float:
    """Of normal vectors, whose shares are spread evenly from 0 to 1."""
    per_day = calibration.per_day
    if per_day <= 1.0:
        return 1.0 - _PER_RATE * per_day / 2
    logs = 1.0 - (1.0 + float(np.log(per_day))) / per_day
    return (1.0 - _PER_RATE / 2) / per_day + (1.0 - _PER_RATE) * logs / float(np.log(per_day))


def fit(raw: Numbers, per_day: float) -> Calibration:
    """From the raw scores of held-back normal vectors, at least 100 of them.

    The tail is fitted by probability-weighted moments (Hosking and Wallis 1987), which never fail. One that seems to
    end (a negative shape) gets two standard errors of doubt, as beyond its end everything scores 1; so it seldom ends.
    Raises ValueError for too few.
    """
    raw = np.sort(raw[np.isfinite(raw)])
    if len(raw) < 100:
        raise ValueError(f"{len(raw)} held-back vectors are too few to calibrate on: at least 100")
    count = max(_LEAST_TAIL, round(len(raw) * _TAIL_SHARE))
    threshold = float(raw[-count - 1])
    excess = raw[-count:] - threshold
    shape, scale = _moments(excess)
    error = _shape_error(excess, shape)
    if shape < 0:
        shape = min(shape + 2.0 * error, 0.0)
        scale = max(float(excess.mean()), 1e-9) * (1.0 - shape)
    tail = Tail(
        threshold=threshold,
        share=count / len(raw),
        shape=shape,
        scale=scale,
        shape_error=error,
        vectors=count,
    )
    body = np.quantile(raw[:-count], np.linspace(0.0, 1.0, _BODY))
    return Calibration(per_day=per_day, body=[float(value) for value in body], tail=tail)


def _moments(excess: Numbers) -> tuple[float, float]:
    """Shape from −0.5 to 0.9 and scale > 0 of ascending excesses."""
    count = len(excess)
    mean = float(excess.mean())
    if mean <= 0.0:
        return 0.0, 1e-9
    weights = (count - 1 - np.arange(count)) / (count - 1)
    weighted = float((weights * excess).mean())
    below = mean - 2.0 * weighted
    shape = min(max(2.0 - mean / below, -0.5), 0.9) if below > 0 else 0.9
    return shape, mean * (1.0 - shape)


def _shape_error(excess: Numbers, shape: float) -> float:
    """By jackknife over ten blocks, and at least what theory says of so many (Hosking and Wallis 1987, table 2): where
    all blocks meet the same bound, they agree on nothing."""
    blocks = 10
    k = min(max(-shape, -0.4), 0.5)
    variance = (1 + k) * (2 + k) ** 2 * (1 + k + 2 * k * k) / ((1 + 2 * k) * (3 + 2 * k)) / len(excess)
    shapes = np.array([_moments(np.delete(excess, np.s_[start::blocks]))[0] for start in range(blocks)])
    return float(np.sqrt(max((blocks - 1) / blocks * ((shapes - shapes.mean()) ** 2).sum(), variance)))
