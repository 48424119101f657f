"""Stretches of keys' values, and what makes their distances comparable in every direction."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt

from streamwatchd.errors import UnreadableInput
from streamwatchd.models._pace import UNITS, Pace, transform
from streamwatchd.models.neighbours import FARTHEST, MOST_STRETCHES
from streamwatchd.training.history import Advance, History
from streamwatchd.training.pace import arrays_of, first_pace

Arrays = dict[str, npt.NDArray[Any]]
Numbers = npt.NDArray[np.float64]
LAGS = 19
_RIDGE = 0.1
"""Of a unit: what a direction varies by at least, so that none in which nothing ever moved counts for everything."""
_FEWEST = 30
_SIZES = 10.0
"""How many times the smallest key's median the largest one's is, where keys differ in size."""


def fit(history: History, every_ms: int, seed: int, given: dict[str, int], advance: Advance) -> Arrays:
    """`given` may have `stretches` (512). Single-precision numbers, as of an `lstm`."""
    pace = _slow_pace(history, every_ms)
    found = np.concatenate([np.zeros((0, LAGS * pace.features)), *_stretches(pace, history)])
    if len(found) < _FEWEST:
        raise UnreadableInput(f"{len(found)} stretches of {LAGS} vectors are too few to learn: at least {_FEWEST}")
    advance(0.5)
    off = found - found.mean(axis=0)
    covariance = off.T @ off / len(off) + _RIDGE * np.eye(found.shape[1])
    whiten = np.linalg.cholesky(np.linalg.inv(covariance)).astype(np.float32)
    most = min(given.get("stretches", 512), MOST_STRETCHES)
    chosen = np.sort(np.random.default_rng(seed).permutation(len(found))[:most])
    some = (found[chosen] @ whiten.astype(np.float64)).astype(np.float32)
    advance(1.0)
    return {"whiten": whiten, "stretches": some, **arrays_of(pace, np.ones(pace.features))}


def _slow_pace(history: History, every_ms: int) -> Pace:
    """Levels are followed ten times more slowly than by other kinds, as a level that has moved is part of the shape;
    units are standard deviations, and logarithms are taken where keys differ in size, not where values are skewed."""
    medians = np.array([np.median(history.vectors[rows], axis=0) for rows in history.series()])
    low, high = medians.min(axis=0), medians.max(axis=0)
    log = (history.vectors.min(axis=0) >= 0) & (high > _SIZES * np.maximum(low, 1e-9))
    values = transform(history.vectors, log)
    off = np.concatenate([values[rows] - values[rows].mean(axis=0) for rows in history.series()])
    pace = first_pace(history, every_ms)
    unit = np.clip(off.std(axis=0), *UNITS)
    return replace(pace, unit=unit, log=log, level_rate=pace.level_rate / 10.0)


def _stretches(pace: Pace, history: History) -> list[Numbers]:
    """(n, LAGS × features) of each key, all rows normal, as the scorer will see them."""
    found = []
    for rows in history.series():
        if len(rows) < LAGS:
            continue
        off = _off_level(pace, history.vectors[rows])
        windows = np.lib.stride_tricks.sliding_window_view(off, LAGS, axis=0)
        normal = np.lib.stride_tricks.sliding_window_view(history.normal[rows], LAGS).all(axis=1)
        found.append(windows[normal].transpose(0, 2, 1).reshape(-1, LAGS * pace.features))
    return found


def _off_level(pace: Pace, vectors: Numbers) -> Numbers:
    """(n, features): how far each vector of one key is from the level before it."""
    memory, found = np.full((1, pace.memory), np.nan), np.zeros(vectors.shape)
    for at, vector in enumerate(vectors):
        values, steps, level, _, variance = pace.begin(vector[None], memory)
        found[at] = np.clip(values - level, -FARTHEST, FARTHEST)[:, 0]
        memory, _ = pace.after(values, level, steps, level, variance)
    return found
