"""Snapshot files: whole or refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from streamwatchd.errors import SnapshotCorrupt
from streamwatchd.packing import Frozen
from streamwatchd.ports.fake_disk import FakeDisk, broken
from streamwatchd.shard.output import TaskId
from streamwatchd.shard.owner import Owner
from streamwatchd.shard.snapshot import Snapshot, SnapshotStore
from streamwatchd.shard.version import BEGINNING, Version

TASK = TaskId(1, "in", 0)
OWNER = Owner("app", 0, 2, 1)
SNAPSHOT = Snapshot(
    OWNER, 7, (Version(0, BEGINNING, "a"), Version(1, 99, "b")), {TASK: 42}, {TASK: b"\x00state"}, "0.1"
)
FOLDER = Path("/state/shard-0")


def store(*epochs: int) -> SnapshotStore:
    found = SnapshotStore(FakeDisk(), FOLDER, OWNER)
    for epoch in epochs:
        found.write(replace(SNAPSHOT, epoch=epoch))
    return found


def test_a_snapshot_comes_back_as_it_was() -> None:
    """Versions, positions and states."""
    assert Snapshot.decode(SNAPSHOT.encode()) == SNAPSHOT


def test_any_flipped_byte_is_found() -> None:
    """In the header as in the body."""
    data = SNAPSHOT.encode()
    for at in range(len(data)):
        spoilt = bytearray(data)
        spoilt[at] ^= 0x10
        with pytest.raises(SnapshotCorrupt):
            Snapshot.decode(bytes(spoilt))


def test_any_truncation_is_found() -> None:
    """Also an empty file, and one with something behind it."""
    data = SNAPSHOT.encode()
    for size in range(len(data)):
        with pytest.raises(SnapshotCorrupt):
            Snapshot.decode(data[:size])
    with pytest.raises(SnapshotCorrupt):
        Snapshot.decode(data + b"\0")


def test_three_generations_are_kept() -> None:
    """The oldest go."""
    assert store(1, 5, 9, 12).epochs() == [5, 9, 12]


def test_the_newest_at_or_below_is_taken() -> None:
    """One above the committed epoch holds what may have been aborted."""
    snapshots = store(1, 5, 9)
    found = snapshots.newest(up_to=8)
    assert found is not None
    assert found.epoch == 5
    assert snapshots.newest(up_to=0) is None


def test_a_snapshot_under_a_wrong_name_is_not_believed() -> None:
    """A copied file does not become another epoch."""
    disk = FakeDisk()
    disk.write(FOLDER / f"{9:020d}.snapshot", SNAPSHOT.encode())
    with pytest.raises(SnapshotCorrupt, match="is of epoch 7"):
        SnapshotStore(disk, FOLDER, OWNER).load(9)


def sharing(disk: FakeDisk, epochs: range) -> SnapshotStore:
    """A large state of which nearly all never changes."""
    found = SnapshotStore(disk, FOLDER, OWNER)
    forever = Frozen(lambda: np.zeros(700_000))
    for epoch in epochs:
        found.write(replace(SNAPSHOT, epoch=epoch, states={TASK: [forever, Frozen(lambda: np.zeros(99)), epoch]}))
    return found


def test_generations_share_what_does_not_change() -> None:
    """The file that holds it stays as long as one needs it."""
    disk = FakeDisk()
    found = sharing(disk, range(1, 12))
    assert found.epochs() == [1, 9, 10, 11]
    assert len(disk.files[found.path(11)]) < 10_000
    assert found.load(11).states[TASK][2] == 11


def test_the_kept_generations_stand_on_two_sets_of_files() -> None:
    """So that one spoilt file, even the shared one, leaves a generation to go back to."""
    disk = FakeDisk()
    found = sharing(disk, range(1, 75))
    since = found.manifest(74).since
    assert found.epochs() == [1, since - 1, since, 72, 73, 74]
    shared = found.path(since)
    disk.files[shared] = disk.files[shared].replace(bytes(64), bytes(63) + b"\1", 1)
    notes: list[str] = []
    again = SnapshotStore(disk, FOLDER, OWNER)
    snapshot = again.newest(up_to=74, say=notes.append)
    assert snapshot is not None
    assert snapshot.epoch == since - 1
    assert len(notes) == 4


def test_a_recovered_store_goes_on_with_its_files() -> None:
    """The first snapshot after a restart writes only what is new."""
    disk = FakeDisk()
    sharing(disk, range(1, 4))
    again = SnapshotStore(disk, FOLDER, OWNER)
    snapshot = again.newest(up_to=3)
    assert snapshot is not None
    written = again.write(replace(snapshot, epoch=4))
    assert written.file_bytes < 10_000 < written.state_bytes


def test_a_lost_file_is_not_referred_to() -> None:
    """Somebody cleaned up: the next snapshot is whole again."""
    disk = FakeDisk()
    found = sharing(disk, range(1, 4))
    disk.delete(found.path(1))
    snapshot = found.newest(up_to=0) or replace(SNAPSHOT, epoch=5, states={TASK: [Frozen(lambda: np.zeros(700_000))]})
    assert found.write(snapshot).file_bytes > 5_000_000
    assert found.load(5).epoch == 5


def test_files_of_another_owner_are_refused() -> None:
    """Another shard's, another layout's, another application's: set aside like a spoilt one, and said."""
    for other in (Owner("app", 0, 2, 0), Owner("app", 1, 2, 1), Owner("app", 0, 3, 1), Owner("other", 0, 2, 1)):
        disk, notes = FakeDisk(), list[str]()
        SnapshotStore(disk, FOLDER, other).write(SNAPSHOT if other == OWNER else replace(SNAPSHOT, owner=other))
        assert SnapshotStore(disk, FOLDER, OWNER).newest(9, notes.append) is None
        assert "is of shard" in notes[0]


def test_what_can_t_be_read_now_is_left_where_it_is() -> None:
    """An older one is taken; when the disk reads again, the newer one is there."""
    disk = FakeDisk()
    SnapshotStore(disk, FOLDER, OWNER).write(SNAPSHOT)
    disk.faults.at(1, broken, point="disk.read")
    again = SnapshotStore(disk, FOLDER, OWNER)
    assert again.newest(9) is None
    assert again.newest(9) is not None


def test_the_oldest_version_that_may_be_needed() -> None:
    """That of the oldest kept snapshot."""
    oldest = store(1, 2).oldest()
    assert oldest is not None
    assert (oldest.epoch, oldest.versions[0].number) == (1, 0)
    assert store().oldest() is None


@pytest.mark.parametrize("why", ["unreadable", "of another format"])
def test_nothing_is_deleted_while_a_generation_does_not_tell_what_it_needs(why: str) -> None:
    """Its files may be all that is left of an older state."""
    disk = FakeDisk()
    found = sharing(disk, range(1, 74))
    last, before = found.path(73), dict(disk.files)
    if why == "unreadable":
        disk.faults.every("disk.read", broken)
    else:
        before[last] = disk.files[last] = disk.files[last][:8] + b"\x63" + disk.files[last][9:]
    again = SnapshotStore(disk, FOLDER, OWNER)
    written = again.write(replace(SNAPSHOT, epoch=99))
    assert str(last.parent) in written.left
    assert before.items() <= disk.files.items()
    assert again.oldest() is None
    disk.faults.clear()
    if why == "unreadable":
        assert again.write(replace(SNAPSHOT, epoch=100)).left == ""
        assert again.oldest() is not None


def test_a_file_that_can_t_be_deleted_is_no_failed_snapshot() -> None:
    """The new one counts, and the old one goes next time."""
    disk = FakeDisk()
    found = SnapshotStore(disk, FOLDER, OWNER, generations=1)
    found.write(SNAPSHOT)
    found.write(replace(SNAPSHOT, epoch=8))
    disk.faults.at(1, broken, point="disk.delete")
    assert "Input/output error" in found.write(replace(SNAPSHOT, epoch=9)).left
    assert found.epochs() == [7, 8, 9]
    assert found.write(replace(SNAPSHOT, epoch=10)).left == ""
    assert found.epochs() == [9, 10]
