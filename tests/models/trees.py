"""Random forests as arrays, and a manifest for them."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from streamwatchd.repository.manifest import Artifact, Calibration, Feature, Manifest, Tail, Training


def forest(seed: int, trees: int = 20, features: int = 3, leaves: int = 90) -> dict[str, npt.NDArray[Any]]:
    """Trees that are cut at random leaves until they have so many; thresholds repeat now and then."""
    rng = np.random.default_rng(seed)
    feature: list[int] = []
    threshold: list[float] = []
    left: list[int] = []
    value: list[float] = []
    roots: list[int] = []
    for _ in range(trees):
        roots.append(len(left))
        _leaf(feature, threshold, left, value, rng)
        open_leaves = [roots[-1]]
        while len(open_leaves) < rng.integers(1, leaves + 1):
            node = open_leaves.pop(int(rng.integers(len(open_leaves))))
            left[node], feature[node] = len(left), int(rng.integers(features))
            threshold[node] = float(np.round(rng.normal(), 1))
            open_leaves += [len(left), len(left) + 1]
            _leaf(feature, threshold, left, value, rng)
            _leaf(feature, threshold, left, value, rng)
    return {
        "feature": np.array(feature, np.int32),
        "threshold": np.array(threshold),
        "left": np.array(left, np.int32),
        "value": np.array(value),
        "roots": np.array(roots, np.int32),
        "samples": np.array([256.0]),
        "center": np.zeros(features),
    }


def _leaf(feature: list[int], threshold: list[float], left: list[int], value: list[float], rng: Any) -> None:
    left.append(len(left))
    feature.append(0)
    threshold.append(0.0)
    value.append(float(rng.uniform(1, 12)))


def manifest(kind: str = "isolation_forest", features: int = 3, **changes: Any) -> Manifest:
    tail = Tail(threshold=0.6, share=0.02, shape=0.1, scale=0.02, shape_error=0.05, vectors=100)
    given: dict[str, Any] = {
        "format": 1,
        "name": "mix",
        "version": 1,
        "kind": kind,
        "features": [Feature(f"f{number}") for number in range(features)],
        "every_ms": 60_000,
        "artifact": Artifact("model.safetensors", "0" * 64, 1),
        "calibration": Calibration(per_day=1_440.0, body=[0.3, 0.4, 0.5], tail=tail),
        "training": Training("r", "q", "s", "2026-01-05T00:00:00.000Z", "2026-01-12T00:00:00.000Z", 1_000, 10),
    }
    return Manifest(**(given | changes))
