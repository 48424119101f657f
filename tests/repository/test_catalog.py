"""What there is to take from a repository."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamwatchd.errors import Unavailable
from streamwatchd.ports.fake_disk import FakeDisk
from streamwatchd.repository.catalog import Catalog
from streamwatchd.repository.store import GOOD, WITHDRAWN, ModelStore, Status
from tests.models.trees import forest, manifest

ROOT = Path("/models")


@pytest.fixture
def disk() -> FakeDisk:
    disk = FakeDisk()
    for version in (1, 2):
        ModelStore(disk, ROOT).write(manifest(version=version), forest(version), Status(GOOD))
    return disk


def ids(catalog: Catalog, reference: str = "mix") -> list[tuple[str, bool]]:
    return [(each.id, each.data is not None) for each in catalog.candidates(reference)]


def test_candidates_are_good_versions_newest_first(disk: FakeDisk) -> None:
    assert ids(Catalog(disk, ROOT)) == [("mix@2", True), ("mix@1", True)]
    assert ids(Catalog(disk, ROOT), "mix@1") == [("mix@1", True)]
    assert ids(Catalog(disk, ROOT), "none") == []


def test_a_spoilt_one_says_why_and_goes_on_as_it_was(disk: FakeDisk) -> None:
    """With the bytes that were in force, if it was."""
    (first, *_) = Catalog(disk, ROOT).candidates("mix")
    disk.write(ROOT / "mix" / "2" / "model.safetensors", b"x")
    assert ids(Catalog(disk, ROOT)) == [("mix@2", False), ("mix@1", True)]
    assert ids(Catalog(disk, ROOT, first.files)) == [("mix@2", False), ("mix@2", True), ("mix@1", True)]
    spoilt = next(iter(Catalog(disk, ROOT, shown="here").candidates("mix")))
    assert spoilt.problem.startswith("here/mix/2: ")


def test_a_lost_one_goes_on_but_not_a_withdrawn_one(disk: FakeDisk) -> None:
    (first, *_) = Catalog(disk, ROOT).candidates("mix")
    assert ids(Catalog(FakeDisk(), ROOT, first.files)) == [("mix@2", False), ("mix@2", True)]
    assert Catalog(FakeDisk(), ROOT, first.files).names() == ["mix"]
    ModelStore(disk, ROOT).set_status("mix", 2, Status(WITHDRAWN))
    assert ids(Catalog(disk, ROOT, first.files)) == [("mix@1", True)]


def test_the_fingerprint_tells_every_change(disk: FakeDisk) -> None:
    seen = {Catalog(disk, ROOT).fingerprint()}
    ModelStore(disk, ROOT).set_status("mix", 2, Status(WITHDRAWN))
    seen.add(Catalog(disk, ROOT).fingerprint())
    ModelStore(disk, ROOT).write(manifest(version=3), forest(3), Status(GOOD))
    seen.add(Catalog(disk, ROOT).fingerprint())
    disk.write(ROOT / "mix" / "3" / "model.safetensors", b"x")
    seen.add(Catalog(disk, ROOT).fingerprint())
    assert len(seen) == 4


def test_a_repository_that_does_not_answer_leaves_what_was_in_force(disk: FakeDisk) -> None:
    (first, *_) = Catalog(disk, ROOT).candidates("mix")

    class Down(FakeDisk):
        def read(self, path: Path, offset: int = 0, length: int | None = None) -> bytes | None:
            raise Unavailable("down")

        def list(self, folder: Path) -> list[str]:
            raise Unavailable("down")

    catalog = Catalog(Down(), ROOT, first.files)
    assert [each.data is not None for each in catalog.candidates("mix")] == [False, True]
    assert catalog.trouble == "down"
