"""Models for the anomaly rules of random worlds: small, made of the rule's features alone, the same at every look."""

from __future__ import annotations

import shutil
import zlib
from pathlib import Path

import msgspec
import numpy as np

from streamwatchd import models
from streamwatchd.compiler import Compiled, compile_project
from streamwatchd.ports.disk import RealDisk
from streamwatchd.repository.store import GOOD, ModelStore, Status
from streamwatchd.rules.ruleset import Anomaly
from streamwatchd.testing.vectors import features_of
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
    """A forest for some, for others what remembers the last row."""
    seed = zlib.crc32(rule.model.encode()) % 1_000
    features = features_of(rule)
    if seed % 2:
        arrays = forest(seed + generation, trees=5, features=len(features), leaves=12)
        arrays["threshold"] = arrays["threshold"] * 20.03
        about = manifest(name=rule.model, features=len(features), every_ms=rule.every_ms or 1_000)
    else:
        arrays = {"bad": np.array([0]), "center": np.full(len(features), 7.0)}
        about = manifest("remembering", name=rule.model, every_ms=rule.every_ms or 1_000, calibration=LINE)
    about = msgspec.structs.replace(about, features=features, version=generation + 1)
    ModelStore(RealDisk(), root).write(about, arrays, Status(GOOD))
