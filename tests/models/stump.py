"""The smallest forest: one cut in one tree, and a repository that has it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from streamwatchd.ports.disk import RealDisk
from streamwatchd.repository.manifest import Calibration, Feature, Manifest, Tail, Training
from streamwatchd.repository.store import GOOD, ModelStore, Status
from tests.models.trees import manifest

CALIBRATION = Calibration(
    per_day=1_440.0,
    body=[0.0, 0.6],
    tail=Tail(threshold=0.6, share=0.1, shape=0.0, scale=0.03, shape_error=0.0, vectors=100),
)


def stump(features: int, feature: int, threshold: float) -> dict[str, npt.NDArray[Any]]:
    """Above the threshold a vector is odd (it scores nearly 1), else it is not (0.13)."""
    return {
        "feature": np.array([feature, 0, 0], np.int32),
        "threshold": np.array([threshold, 0.0, 0.0]),
        "left": np.array([1, 1, 2], np.int32),
        "value": np.array([0.0, 10.0, 1.0]),
        "roots": np.array([0], np.int32),
        "samples": np.array([256.0]),
        "center": np.zeros(features),
    }


def about(name: str, features: Sequence[Feature], version: int = 1, **changes: Any) -> Manifest:
    training = Training("r", "q", "s", "2026-01-05T00:00:00.000Z", "2026-01-12T00:00:00.000Z", 1_000, 10)
    found = manifest(name=name, version=version, calibration=CALIBRATION, training=training)
    return msgspec.structs.replace(found, features=list(features), **changes)


def put_stump(
    root: Path, name: str, *features: Feature | str, version: int = 1, threshold: float = 50.0, **changes: Any
) -> None:
    """A good version that finds vectors odd whose first feature is above the threshold."""
    given = [each if isinstance(each, Feature) else Feature(each) for each in features]
    ModelStore(RealDisk(), root).write(
        about(name, given, version, **changes), stump(len(given), 0, threshold), Status(GOOD)
    )
