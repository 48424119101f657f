"""Which version of a model a rule takes, and what is told of the others."""

from __future__ import annotations

import json
import os
import pickle
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest

from streamwatchd.ports.disk import RealDisk
from streamwatchd.repository.artifact import encode_arrays
from streamwatchd.repository.catalog import Catalog
from streamwatchd.repository.manifest import Feature
from streamwatchd.repository.store import SHADOW, WITHDRAWN, ModelStore, Status
from streamwatchd.rules import codes
from streamwatchd.rules.loader import Loaded, load
from streamwatchd.rules.model_choice import fitting
from streamwatchd.rules.ruleset import SHADOW_OF, Anomaly
from tests.models.stump import put_stump, stump

Check = Callable[..., Loaded]
RULES = """\
source: metrics
every: 1m
rules:
  - anomaly: odd
    by: host
    model: mix
    values: {high: max(cpu), rows: count()}
    features: [high, rows]
    when: score > 0.9
"""
FEATURES = (Feature("high", "percent"), Feature("rows"))


def told(loaded: Loaded) -> list[str]:
    return [each.code for each in loaded.diagnostics]


def taken(loaded: Loaded) -> str:
    found = loaded.ruleset.models.get("odd")
    return "" if found is None else found.manifest.id


@pytest.fixture
def models(tmp_path: Path) -> Path:
    return tmp_path / "models"


def test_without_a_model_the_rule_runs_and_it_is_told(check: Check) -> None:
    """It is what training begins with."""
    loaded = check(RULES)
    assert told(loaded) == [codes.MODEL_MISSING]
    assert not loaded.diagnostics[0].is_error
    assert [rule.name for rule in loaded.ruleset.rules] == ["odd"]
    assert loaded.refused == ()


def test_the_newest_good_version_is_taken_or_the_one_that_is_pinned(check: Check, models: Path) -> None:
    """A shadow only where it is pinned, a withdrawn one never."""
    for version in (1, 2, 3, 4):
        put_stump(models, "mix", *FEATURES, version=version)
    store = ModelStore(RealDisk(), models)
    store.set_status("mix", 4, Status(WITHDRAWN))
    store.set_status("mix", 3, Status(SHADOW))
    assert taken(check(RULES)) == "mix@2"
    assert taken(check(RULES.replace("mix", "mix@1"))) == "mix@1"
    assert taken(check(RULES.replace("mix", "mix@3"))) == "mix@3"
    withdrawn = check(RULES.replace("mix", "mix@4"))
    assert (taken(withdrawn), told(withdrawn)) == ("", [codes.MODEL_MISSING])
    missing = check(RULES.replace("mix", "mix@9"))
    assert missing.diagnostics[0].is_error
    assert missing.refused == ()


@pytest.mark.parametrize(
    ("features", "text"),
    [
        ((Feature("rows"), Feature("high", "percent")), "trained on [rows, high], not on [high, rows]"),
        ((Feature("high", "ratio"), Feature("rows")), "`high` in ratio, here it has percent"),
        ((Feature("high", "percent"),), "trained on [high]"),
    ],
)
def test_a_version_that_does_not_fit_is_told_and_the_one_before_goes_on(
    check: Check, models: Path, features: tuple[Feature, ...], text: str
) -> None:
    """Other features, another order, other units."""
    put_stump(models, "mix", *FEATURES)
    put_stump(models, "mix", *features, version=2)
    loaded = check(RULES)
    assert (told(loaded), taken(loaded), loaded.refused) == ([codes.MODEL_UNFIT], "mix@1", ())
    assert text in loaded.diagnostics[0].message
    assert "mix@1 goes on" in loaded.diagnostics[0].hint


def test_a_version_that_can_not_be_trusted_is_told_and_the_one_before_goes_on(check: Check, models: Path) -> None:
    """Its file is not what its manifest says; or it is of a kind that nobody knows."""
    put_stump(models, "mix", *FEATURES)
    put_stump(models, "mix", *FEATURES, version=2)
    put_stump(models, "mix", *FEATURES, version=3, kind="oracle")
    (models / "mix" / "2" / "model.safetensors").write_bytes(b"x" * 100)
    loaded = check(RULES)
    assert (told(loaded), taken(loaded)) == ([codes.MODEL_REJECTED, codes.MODEL_REJECTED], "mix@1")


def _manifest(folder: Path, edit: Callable[[dict[str, Any]], object]) -> None:
    found = json.loads((folder / "manifest.json").read_bytes())
    edit(found)
    (folder / "manifest.json").write_text(json.dumps(found))


def _artifact(folder: Path, data: bytes) -> None:
    """Another artifact, which the manifest vouches for."""
    (folder / "model.safetensors").write_bytes(data)
    _manifest(folder, lambda m: m["artifact"].update(sha256=sha256(data).hexdigest(), bytes=len(data)))


def _arrays(folder: Path, **changes: npt.NDArray[Any]) -> None:
    _artifact(folder, encode_arrays(stump(2, 0, 50.0) | changes))


HOSTILE: dict[str, tuple[Callable[[Path], object], str]] = {
    "wrong hash": (
        lambda folder: _manifest(folder, lambda m: m["artifact"].update(sha256="0" * 64)),
        "model.safetensors is not the file of the manifest: its SHA-256 differs",
    ),
    "traversal": (
        lambda folder: _manifest(folder, lambda m: m["artifact"].update(file="../1/model.safetensors")),
        "artifact.file `../1/model.safetensors` is not the name of a file beside the manifest",
    ),
    "link to another version": (
        lambda folder: (
            (folder / "model.safetensors").unlink(),
            (folder / "model.safetensors").symlink_to(folder.parent / "3" / "model.safetensors"),
        ),
        "its SHA-256 differs",
    ),
    "said to be huge": (
        lambda folder: _manifest(folder, lambda m: m["artifact"].update(bytes=10**15)),
        "artifact.bytes is 1000000000000000, 268435456 are allowed",
    ),
    "huge": (
        lambda folder: os.truncate(folder / "model.safetensors", 2**40),
        "model.safetensors has 1099511627776 bytes, 268435456 are allowed",
    ),
    "recursive": (
        lambda folder: (folder / "manifest.json").write_bytes(b'{"a":' * 200_000),
        "the manifest is not valid",
    ),
    "weights that are NaN": (
        lambda folder: _arrays(folder, threshold=np.array([np.nan, 0.0, 0.0])),
        "array `threshold` has a number that is NaN or infinite",
    ),
    "weights that are infinite": (
        lambda folder: _arrays(folder, value=np.array([0.0, np.inf, 1.0])),
        "array `value` has a number that is NaN or infinite",
    ),
    "a tree that never ends": (
        lambda folder: _arrays(folder, left=np.array([1, 0, 2], np.int32)),
        "a node has a child before it",
    ),
    "a feature beyond the last": (
        lambda folder: _arrays(folder, feature=np.array([7, 0, 0], np.int32)),
        "a node compares a feature that is none of the 2",
    ),
    "a pickle": (
        lambda folder: _artifact(folder, pickle.dumps({"left": [1]})),
        "the artifact is not a safetensors file",
    ),
    "a header longer than the file": (
        lambda folder: _artifact(folder, b"\xff" * 7 + b"\x7f{}"),
        "the artifact is not a safetensors file",
    ),
    "features in another order": (
        lambda folder: _manifest(folder, lambda m: m["features"].reverse()),
        "it was trained on [rows, high], not on [high, rows]",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_version_is_refused_and_the_last_good_one_goes_on(check: Check, models: Path, name: str) -> None:
    """Each is named with its version and the reason, and no rule is lost."""
    spoil, reason = HOSTILE[name]
    put_stump(models, "mix", *FEATURES)
    put_stump(models, "mix", *FEATURES, version=2)
    put_stump(models, "mix", *FEATURES, version=3, threshold=9.0)
    ModelStore(RealDisk(), models).set_status("mix", 3, Status(WITHDRAWN))
    spoil(models / "mix" / "2")
    loaded = check(RULES)
    assert (taken(loaded), loaded.refused) == ("mix@1", ())
    (problem,) = loaded.diagnostics
    assert problem.is_error
    assert problem.code in (codes.MODEL_REJECTED, codes.MODEL_UNFIT)
    assert problem.message.startswith("the model mix@2 can't be used: ")
    assert reason in problem.message
    assert "mix@1 goes on" in problem.hint


def test_a_newer_shadow_is_on_trial_beside_the_good_one(check: Check, models: Path) -> None:
    """One that fits; not an older one, and none beside a pinned version."""
    for version in (1, 2, 3, 4):
        put_stump(models, "mix", *(FEATURES if version != 4 else ("other",)), version=version)
    store = ModelStore(RealDisk(), models)
    for version in (1, 3, 4):
        store.set_status("mix", version, Status(SHADOW))
    loaded = check(RULES)
    assert (taken(loaded), told(loaded)) == ("mix@2", [])
    assert loaded.ruleset.models["odd" + SHADOW_OF].manifest.id == "mix@3"
    assert "odd" + SHADOW_OF not in check(RULES.replace("mix", "mix@2")).ruleset.models
    store.set_status("mix", 3, Status("good"))
    assert "odd" + SHADOW_OF not in check(RULES).ruleset.models


def test_another_step_is_questioned(check: Check, models: Path) -> None:
    put_stump(models, "mix", *FEATURES, every_ms=300_000)
    loaded = check(RULES)
    assert (told(loaded), taken(loaded)) == ([codes.MODEL_STEP], "mix@1")


def test_what_was_in_force_goes_on_when_it_is_lost_or_spoilt(check: Check, models: Path, tmp_path: Path) -> None:
    """By its bytes: until it is withdrawn."""
    put_stump(models, "mix", *FEATURES)
    before = check(RULES)
    (models / "mix" / "1" / "model.safetensors").write_bytes(b"")
    again = load(tmp_path / "streamwatchd.yaml", models=f"file://{models}", last_good=before.files)
    assert (told(again), taken(again)) == ([codes.MODEL_REJECTED], "mix@1")
    assert again.ruleset.models["odd"].digest == before.ruleset.models["odd"].digest
    ModelStore(RealDisk(), models).set_status("mix", 1, Status(WITHDRAWN))
    assert taken(load(tmp_path / "streamwatchd.yaml", models=f"file://{models}", last_good=before.files)) == ""


def test_the_same_choice_without_a_word(check: Check, models: Path) -> None:
    put_stump(models, "mix", *FEATURES)
    put_stump(models, "mix", "other", version=2)
    rule = check(RULES).ruleset.rule("odd")
    assert isinstance(rule, Anomaly)
    found = fitting(rule, Catalog(RealDisk(), models))
    assert found is not None
    assert found.manifest.id == "mix@1"


def test_nothing_is_said_of_models_where_none_are_asked_for(check: Check, tmp_path: Path) -> None:
    check(RULES)
    assert told(load(tmp_path / "streamwatchd.yaml", models="")) == []
