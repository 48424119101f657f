"""Models for the anomaly rules of random worlds: small, made of the rule's features alone, the same at every look."""

from __future__ import annotations

import shutil
import zlib
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from streamwatchd import models
from streamwatchd.compiler import Compiled, compile_project
from streamwatchd.ports.disk import RealDisk
from streamwatchd.repository.store import GOOD, ModelStore, Status
from streamwatchd.rules.ruleset import Anomaly
from streamwatchd.testing.vectors import features_of
from tests.models import paces
from tests.models.paces import SPREADS, paced
from tests.models.small import LINE, REMEMBERING
from tests.models.trees import forest, manifest

models.KINDS = {**models.KINDS, "remembering": REMEMBERING}  # type: ignore[misc]
"""A kind with memory, for the models of random worlds."""


def compile_with_models(config: Path, generation: int = 0) -> Compiled:
    """Compile, put a model in the repository for each anomaly rule, and compile again; each generation has others."""
    first = compile_project(config, models="")
    rules = [rule for rule in first.loaded.ruleset.rules if isinstance(rule, Anomaly)]
    if not rules:
        return first
    root = config.parent / "models"
    shutil.rmtree(root, ignore_errors=True)
    for rule in rules:
        put_model(root, rule, generation)
    return compile_project(config)


def put_model(root: Path, rule: Anomaly, generation: int) -> None:
    """A forest for some, what remembers the last row for others, what follows the pace of keys for the rest."""
    features, every_ms = features_of(rule), rule.every_ms or 1_000
    seed = zlib.crc32(f"{rule.model} {rule.features} {every_ms}".encode()) % 1_000
    kind = ("isolation_forest", "remembering", *paces.KINDS)[seed % (2 + len(paces.KINDS))]
    calibration = {"isolation_forest": {}, "remembering": {"calibration": LINE}}.get(kind, {"calibration": SPREADS})
    about = manifest(kind, name=rule.model, every_ms=every_ms, **calibration)
    about = msgspec.structs.replace(about, features=features, version=generation + 1)
    ModelStore(RealDisk(), root).write(about, _arrays(kind, seed + generation, len(features)), Status(GOOD))


def _arrays(kind: str, seed: int, features: int) -> dict[str, npt.NDArray[Any]]:
    center = {"center": np.full(features, 7.0)}
    if kind == "isolation_forest":
        arrays = forest(seed, trees=5, features=features, leaves=12)
        return arrays | {"threshold": arrays["threshold"] * 20.03}
    return center | ({"bad": np.array([0])} if kind == "remembering" else paced(kind, seed, features))
