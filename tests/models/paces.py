"""Small models of the kinds with memory, with weights drawn at random: nothing has learned, everything is at work."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from streamwatchd.repository.manifest import Calibration, Tail

KINDS = ("seasonal", "change", "lstm", "neighbours")
SPREADS = Calibration(
    per_day=1.0,
    body=[0.0, 1.0, 3.0],
    tail=Tail(threshold=3.0, share=0.05, shape=0.1, scale=1.0, shape_error=0.05, vectors=100),
)
"""From raw scores in spreads, 0.65 at 0 to 0.98 at 3: of a vector a day."""


def paced(kind: str, seed: int, features: int, unit: float = 20.0) -> dict[str, npt.NDArray[Any]]:
    """Arrays of the kind; `unit` is how far values stray, about."""
    rng = np.random.default_rng(seed)
    log = rng.random(features) < 0.3
    found: dict[str, npt.NDArray[Any]] = {
        "unit": np.where(log, 0.5, unit) * rng.uniform(0.5, 1.5, features),
        "error": rng.uniform(0.2, 1.0, features),
        "log": log.astype(np.uint8),
        "rates": rng.uniform(0.02, 0.2, 2),
    }
    if kind == "change":
        return found | {"sums": np.array([rng.uniform(0.1, 0.6), rng.uniform(0.9, 1.0)])}
    if kind == "seasonal":
        slots = int(rng.choice([1, 24, 168]))
        shape = (slots, features)
        return found | {"usual": rng.normal(0.0, 0.3, shape), "spread": rng.uniform(0.6, 1.6, shape)}
    if kind == "neighbours":
        size = features * int(rng.integers(1, 5))
        whiten = np.tril(rng.normal(0.0, 0.5, (size, size))) + np.eye(size)
        return found | {"whiten": whiten, "stretches": rng.normal(0.0, 1.0, (int(rng.integers(1, 40)), size))}
    units = int(rng.integers(1, 5))
    shapes = {
        "inputs": (features + 4, 4 * units),
        "recurrent": (units, 4 * units),
        "bias": (4 * units,),
        "head": (units + 4, features),
        "head_bias": (features,),
    }
    weights = {name: rng.normal(0.0, 0.5, shape) for name, shape in shapes.items()}
    return found | weights | {"periods": np.array([rng.integers(0, 3)])}
