"""Models small enough to say by hand what they score."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from streamwatchd.models import Arrays, Instants, Kind, Vectors
from streamwatchd.repository.manifest import Calibration, Feature, Manifest, Tail
from streamwatchd.repository.store import ModelData
from tests.models.trees import manifest

LINE = Calibration(
    per_day=1.0,
    body=[0.0, 1.0],
    tail=Tail(threshold=1.0, share=1e-9, shape=0.0, scale=1.0, shape_error=0.0, vectors=100),
)
"""A raw score r from 0 to 1 scores 1 − 0.35 (1 − r) of a vector a day: 0.65 at 0, 1 at 1."""


class Remembering:
    """The raw score is how far the first feature is above its last, in units of 100, and 0 or null without one.

    `bad` in the artifact makes it do what models must not: 1 raises, 2 gives the wrong shape, 3 gives infinities.
    """

    memory = 2

    def __init__(self, bad: int) -> None:
        self._bad = bad

    def score(self, vectors: Vectors, memory: Vectors, ends_ms: Instants) -> tuple[npt.NDArray[np.float64], Vectors]:
        if self._bad == 1:
            raise FloatingPointError("a model that fails")
        if self._bad == 2:
            return np.zeros(len(vectors) + 1), memory
        raw = np.clip((vectors[:, 0] - memory[:, 0]) / 100.0, 0.0, 1.0)
        after = np.column_stack([vectors[:, 0], np.nan_to_num(memory[:, 1]) + 1.0])
        return (np.full(len(vectors), np.inf) if self._bad == 3 else raw), after

    def drivers(self, vectors: Vectors, memory: Vectors, ends_ms: Instants) -> Vectors:
        found = np.zeros(vectors.shape)
        found[:, 0] = 1.0
        return found


def _load(manifest: Manifest, arrays: Arrays) -> Remembering:
    return Remembering(int(arrays["bad"][0]))


REMEMBERING = Kind("remembering", "A step up since the last row.", ("bad", "center"), _load)


def remembering(*features: str, version: int = 1, bad: int = 0, name: str = "step") -> ModelData:
    """A version of the kind above; it is known to the shelf only where a test puts it there."""
    arrays: Mapping[str, Any] = {"bad": np.array([bad]), "center": np.full(len(features), 7.0)}
    wanted = [Feature(each) for each in features]
    about = manifest("remembering", name=name, version=version, calibration=LINE)
    about = msgspec.structs.replace(about, features=wanted)
    return ModelData(about, arrays, f"{name}{version}{bad}{features}")


def of_manifest(data: ModelData, **changes: Any) -> ModelData:
    """The same arrays with another manifest."""
    about = msgspec.structs.replace(data.manifest, **changes)
    return ModelData(about, data.arrays, data.digest + repr(sorted(changes)))
