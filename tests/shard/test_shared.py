"""The shared snapshot store: copies that restore, of the right owner, complete or not there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from streamwatchd.errors import SnapshotCorrupt, Unavailable
from streamwatchd.packing import Frozen
from streamwatchd.ports.disk import RealDisk
from streamwatchd.ports.fake_disk import FakeDisk, broken
from streamwatchd.ports.files import Files
from streamwatchd.ports.open_files import open_files
from streamwatchd.shard.output import TaskId
from streamwatchd.shard.owner import Owner
from streamwatchd.shard.shared import Mirror, SharedStore
from streamwatchd.shard.snapshot import Snapshot, SnapshotStore
from streamwatchd.shard.version import BEGINNING, Version
from tests.s3.server import BUCKET, Server

TASK = TaskId(1, "in", 0)
OWNER = Owner("app", 0, 2, 1)
ROOT = Path("/shared")


def snapshot(epoch: int, *parts: object, owner: Owner = OWNER) -> Snapshot:
    return Snapshot(owner, epoch, (Version(0, BEGINNING, "a"),), {TASK: epoch}, {TASK: [epoch, *parts]}, "0.1")


class Host:
    """A state folder, and the store it shares."""

    def __init__(self, files: Files, root: Path = ROOT, owner: Owner = OWNER) -> None:
        self.disk = FakeDisk()
        self.local = SnapshotStore(self.disk, Path("/state"), owner)
        self.shared = SharedStore(files, root, owner.app)
        self.mirror = Mirror(self.local, self.shared.snapshots(owner))

    def keep(self, snapshot: Snapshot) -> int:
        self.local.write(snapshot)
        return self.mirror.send(snapshot.epoch)


@pytest.mark.parametrize("kind", ["fake", "file", pytest.param("s3", marks=pytest.mark.s3)])
def test_another_host_finds_what_was_copied(kind: str, request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """The newest at or below the committed epoch, whole, with what generations share."""
    files: Files = FakeDisk()
    root = ROOT
    if kind == "file":
        files, root = open_files(f"file://{tmp_path}", {})
    elif kind == "s3":
        server: Server = request.getfixturevalue("s3")
        files, root = open_files(f"s3://{BUCKET}/{tmp_path.name}", server.options)
    host, forever = Host(files, root), Frozen(lambda: np.arange(700_000))
    sent = [host.keep(snapshot(epoch, forever)) for epoch in range(1, 7)]
    assert sent[0] > 5_000_000
    assert max(sent[1:]) < 10_000
    other = SharedStore(files, root, "app")
    found = other.newest(OWNER, up_to=5)
    assert found is not None
    assert (found.epoch, found.states[TASK][0]) == (5, 5)
    assert found.states[TASK][1].value.tolist() == list(range(700_000))
    assert other.list() == [(OWNER, epoch) for epoch in (1, 4, 5, 6)]
    assert other.newest(replace(OWNER, shard=0), up_to=9) is None


def test_a_folder_that_is_mounted_is_written_durably(tmp_path: Path) -> None:
    """`file://` is a disk like the state folder's."""
    assert isinstance(open_files(f"file://{tmp_path}", {})[0], RealDisk)


def test_a_copy_that_broke_off_is_not_taken() -> None:
    """What a snapshot needs comes first, itself last."""
    files = FakeDisk()
    host, forever = Host(files), Frozen(lambda: np.arange(700_000))
    host.keep(snapshot(1, forever))
    host.local.write(snapshot(2, forever))
    host.local.write(snapshot(3, forever))
    files.faults.at(1, broken, point="disk.write")
    with pytest.raises(Unavailable):
        host.mirror.send(3)
    found = host.shared.newest(OWNER, up_to=9)
    assert found is not None
    assert found.epoch == 1
    host.mirror.send(3)
    found = host.shared.newest(OWNER, up_to=9)
    assert found is not None
    assert found.epoch == 3


def test_a_file_of_another_host_under_the_same_epoch_is_replaced() -> None:
    """Two hosts may have written the same epoch; each refers to its own bytes."""
    files, forever = FakeDisk(), Frozen(lambda: np.arange(700_000))
    Host(files).keep(snapshot(5, Frozen(lambda: np.zeros(700_000))))
    here = Host(files)
    here.keep(snapshot(5, forever))
    here.keep(snapshot(6, forever))
    found = here.shared.newest(OWNER, up_to=9)
    assert found is not None
    assert found.states[TASK][1].value.tolist() == list(range(700_000))


def test_what_was_copied_already_is_not_sent_again() -> None:
    """Not by the next process either."""
    files = FakeDisk()
    host = Host(files)
    host.keep(snapshot(1))
    again = Mirror(host.local, host.shared.snapshots(OWNER))
    assert again.send(1) == 0


def test_files_stay_while_they_are_copied() -> None:
    """A slow store must not lose the race against newer snapshots."""
    host = Host(FakeDisk())
    host.local.write(snapshot(1))
    with host.local.pinned(1):
        for epoch in range(2, 9):
            host.local.write(snapshot(epoch))
        assert host.local.epochs() == [1, 6, 7, 8]
    host.local.write(snapshot(9))
    assert host.local.epochs() == [7, 8, 9]


def test_a_local_file_that_is_gone_is_no_copy() -> None:
    """It is told apart from a store that refuses."""
    host = Host(FakeDisk())
    with pytest.raises(SnapshotCorrupt):
        host.mirror.send(1)


def test_all_layouts_are_listed() -> None:
    """Older ones first: for whoever puts shards together differently. Other names are passed over."""
    files = FakeDisk()
    store = SharedStore(files, ROOT, "app")
    owners = [Owner("app", 1, 2, 1), Owner("app", 0, 3, 2), Owner("app", 0, 3, 0), Owner("app", 10, 1, 0)]
    for owner in owners:
        store.snapshots(owner).write(snapshot(4, owner=owner))
    files.write(ROOT / "app" / "versions.json", b"[]")
    files.write(ROOT / "app" / "layout-0" / "notes", b"x")
    assert store.owners() == sorted(owners)
    assert store.list() == [(owner, 4) for owner in sorted(owners)]
