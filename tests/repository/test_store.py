"""Versions of models on disk: written once, read with every check, refused alone."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from streamwatchd.errors import ModelRejected
from streamwatchd.ports.fake_disk import FakeDisk
from streamwatchd.repository.store import GOOD, SHADOW, WITHDRAWN, ModelStore, Status
from tests.models.trees import forest, manifest

ROOT = Path("/models")
FOLDER = ROOT / "mix" / "1"


@pytest.fixture
def disk() -> FakeDisk:
    disk = FakeDisk()
    ModelStore(disk, ROOT).write(manifest(), forest(1), Status(GOOD))
    return disk


def edit(disk: FakeDisk, change: Callable[[dict[str, object]], object]) -> None:
    data = json.loads(disk.read(FOLDER / "manifest.json") or b"")
    change(data)
    disk.write(FOLDER / "manifest.json", json.dumps(data).encode())


def test_what_was_written_is_read_again(disk: FakeDisk) -> None:
    store = ModelStore(disk, ROOT)
    model = store.read("mix", 1)
    assert model.manifest.id == "mix@1"
    assert (model.arrays["left"] == forest(1)["left"]).all()
    assert (store.names(), store.versions("mix"), store.newest("mix")) == (["mix"], [1], 1)
    with pytest.raises(ModelRejected, match="never changed"):
        store.write(manifest(), forest(2), Status(GOOD))


def test_the_newest_good_version_is_taken(disk: FakeDisk) -> None:
    """Shadows and withdrawn versions are not; a status that can't be read is no leave."""
    store = ModelStore(disk, ROOT)
    for version in (2, 3, 4):
        store.write(manifest(version=version), forest(version), Status(GOOD))
    store.set_status("mix", 4, Status(SHADOW))
    store.set_status("mix", 3, Status(WITHDRAWN, by="ann", reason="floods"))
    assert store.newest("mix") == 2
    assert store.newest("mix", SHADOW) == 4
    disk.write(ROOT / "mix" / "2" / "status.json", b"{")
    assert store.newest("mix") == 1
    assert [line["to"] for line in store.audited("mix")] == [SHADOW, WITHDRAWN]
    assert store.newest("none") is None


def _other_artifact(disk: FakeDisk) -> None:
    ModelStore(disk, ROOT).write(manifest(name="other"), forest(9), Status(GOOD))
    disk.write(FOLDER / "model.safetensors", disk.read(ROOT / "other" / "1" / "model.safetensors") or b"")


def _flip(disk: FakeDisk) -> None:
    data = bytearray(disk.read(FOLDER / "model.safetensors") or b"")
    data[-3] ^= 1
    disk.write(FOLDER / "model.safetensors", bytes(data))


HOSTILE: dict[str, tuple[Callable[[FakeDisk], object], str]] = {
    "other file": (_other_artifact, "bytes, not|SHA-256 differs"),
    "flipped bit": (_flip, "SHA-256 differs"),
    "cut": (lambda disk: disk.write(FOLDER / "model.safetensors", b"x"), "bytes, not"),
    "no artifact": (lambda disk: disk.delete(FOLDER / "model.safetensors"), "is missing"),
    "no manifest": (lambda disk: disk.delete(FOLDER / "manifest.json"), "is missing"),
    "traversal": (lambda disk: edit(disk, lambda m: m["artifact"].update(file="../../../etc/passwd")), "not the name"),
    "absolute": (lambda disk: edit(disk, lambda m: m["artifact"].update(file="/etc/passwd")), "not the name"),
    "huge": (lambda disk: edit(disk, lambda m: m["artifact"].update(bytes=10**12)), "are allowed"),
    "another name": (lambda disk: edit(disk, lambda m: m.update(name="mux")), "says that it is mux@1"),
    "another version": (lambda disk: edit(disk, lambda m: m.update(version=7)), "says that it is mix@7"),
    "unknown field": (lambda disk: edit(disk, lambda m: m.update(run="os.system")), "unknown field"),
    "nan": (lambda disk: edit(disk, lambda m: m["calibration"].update(per_day=float("nan"))), "not valid"),
    "tail": (lambda disk: edit(disk, lambda m: m["calibration"]["tail"].update(threshold=0.1)), "within the body"),
    "twice": (lambda disk: edit(disk, lambda m: m.update(features=[{"name": "a"}] * 2)), "named twice"),
    "format": (lambda disk: edit(disk, lambda m: m.update(format=2)), "this version reads 1"),
    "no json": (lambda disk: disk.write(FOLDER / "manifest.json", b"\xff"), "not valid"),
    "deep": (lambda disk: disk.write(FOLDER / "manifest.json", b"[" * 100_000), "not valid"),
    "large manifest": (lambda disk: disk.write(FOLDER / "manifest.json", b" " * (2 << 20)), "are allowed"),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_what_can_not_be_trusted_is_refused(disk: FakeDisk, name: str) -> None:
    """With the folder and the reason; nothing of it is looked at before its checks."""
    spoil, reason = HOSTILE[name]
    spoil(disk)
    with pytest.raises(ModelRejected, match=reason) as refused:
        ModelStore(disk, ROOT).read("mix", 1)
    assert str(FOLDER) in str(refused.value)


def test_numbers_that_are_none_are_refused(disk: FakeDisk) -> None:
    spoilt = forest(1)
    spoilt["threshold"][0] = np.nan
    with pytest.raises(ModelRejected, match="NaN"):
        ModelStore(disk, ROOT).write(manifest(version=2), spoilt, Status(GOOD))
    assert ModelStore(disk, ROOT).versions("mix") in ([1], [1, 2])
    assert ModelStore(disk, ROOT).newest("mix") in (1, 2)
