"""Anomaly rules of every kind, and their models: small ones, of which one changes its version while the loop runs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from streamwatchd.ports.disk import RealDisk
from streamwatchd.repository.manifest import Feature
from streamwatchd.repository.store import GOOD, STATUS, WITHDRAWN, ModelStore, Status
from tests.models.paces import SPREADS, paced
from tests.models.trees import forest, manifest

SCORED = """
labels: {team: noc}
rules:
  - anomaly: odd_host
    source: host_load
    by: host
    model: host_mix
    features: [n, mean, high]
    levels:
      major: score > 0.65
      warning: score > 0.5 until score < 0.45 for 10s
  - anomaly: off_season
    source: site_load
    by: site
    model: site_season
    features: [total, worst]
    when: score > 0.8 for 10s
  - anomaly: off_forecast
    source: links
    by: link
    every: 5s
    model: link_forecast
    values: {load: avg(load), reports: count()}
    features: [load, reports]
    missing: center
    when: score > 0.8
  - anomaly: shifted
    source: calls
    by: host
    every: 5s
    model: host_change
    values: {m: avg(x)}
    features: [m]
    missing: skip
    when: score > 0.96 until score < 0.9
"""
CHANGING = """
rules:
  - anomaly: changing
    source: host_load
    by: host
    model: changing
    features: [mean, high]
    when: score > 0.72
"""
CHANGES = {"changing"}
"""Rules whose model has another version now and then."""
_VERSIONS = {1: "lstm", 2: "seasonal", 3: "neighbours"}
"""Of `changing`; those after the first are withdrawn until an edit says that they are good."""

CALM = msgspec.structs.replace(
    SPREADS, body=[0.0, 5.0, 20.0], tail=msgspec.structs.replace(SPREADS.tail, threshold=20.0)
)
"""It meets 0.95 seldom, so that no version is taken back but by an edit."""


def write_models(root: Path) -> None:
    """All models of SCORED and CHANGING, the same at every call."""
    trees = forest(7, trees=20, features=3, leaves=40)
    scale = np.array([4.0, 30.0, 30.0])[trees["feature"]]
    cuts = np.array([8.0, 50.0, 75.0])[trees["feature"]] + trees["threshold"] * scale
    _write(root, "host_mix", 1, "isolation_forest", ("n", "mean", "high"), trees | {"threshold": cuts}, 10_000)
    _write(root, "site_season", 1, "seasonal", ("total", "worst"), paced("seasonal", 3, 2, 300.0), 10_000)
    _write(root, "link_forecast", 1, "lstm", ("load", "reports"), paced("lstm", 4, 2), 5_000)
    _write(root, "host_change", 1, "change", ("m",), paced("change", 5, 1), 5_000)
    for version, kind in _VERSIONS.items():
        arrays = paced(kind, 10 + version, 2)
        _write(root, "changing", version, kind, ("mean", "high"), arrays, 10_000, GOOD if version == 1 else WITHDRAWN)


def _write(
    root: Path, name: str, version: int, kind: str, features: Sequence[str], arrays: dict[str, npt.NDArray[Any]],
    every_ms: int, status: str = GOOD,
) -> None:  # fmt: skip
    calibration = {"isolation_forest": {}}.get(kind, {"calibration": CALM if name == "changing" else SPREADS})
    about = manifest(kind, name=name, version=version, every_ms=every_ms, **calibration)
    about = msgspec.structs.replace(about, features=[Feature(each) for each in features])
    center = {"center": np.full(len(features), 10.0)}
    ModelStore(RealDisk(), root).write(about, center | arrays, Status(status))


def turned(good: bool, version: int) -> tuple[str, str]:
    """The path below the project and the text of a status: the version is taken, or taken back."""
    return f"models/changing/{version}/{STATUS}", msgspec.json.encode(Status(GOOD if good else WITHDRAWN)).decode()
