"""Traffic with a rhythm, as a history: many keys of different size, a step of five minutes."""

from __future__ import annotations

import numpy as np

from streamwatchd.training.history import History, history_of

EVERY_MS = 300_000
START_MS = 1_767_571_200_000
"""2026-01-05, a Monday."""


def traffic(
    days: float, keys: int = 8, seed: int = 1, features: int = 1, noise: float = 0.05, wave: float = 0.5
) -> History:
    """Each key `k0`, `k1`, … has its own size; all are highest at 06:00 UTC and lowest at 18:00."""
    rng = np.random.default_rng(seed)
    steps = int(days * 288)
    ends = START_MS + EVERY_MS * (1 + np.arange(steps))
    height = 1.0 + wave * np.sin(2 * np.pi * (ends % 86_400_000) / 86_400_000)
    size = rng.lognormal(6.0, 0.7, (keys, features))
    values = size * height[:, None, None] * rng.lognormal(0.0, noise, (steps, keys, features))
    names = [(f"k{number}",) for number in range(keys)] * steps
    return history_of(names, np.repeat(ends, keys), values.reshape(-1, features))
