"""Snapshot files: whole or refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from streamwatchd.errors import SnapshotCorrupt
from streamwatchd.ports.fake_disk import FakeDisk
from streamwatchd.shard.output import TaskId
from streamwatchd.shard.snapshot import Snapshot, SnapshotStore
from streamwatchd.shard.version import BEGINNING, Version

TASK = TaskId(1, "in", 0)
SNAPSHOT = Snapshot(7, (Version(0, BEGINNING, "a"), Version(1, 99, "b")), {TASK: 42}, {TASK: b"\x00state"}, "0.1")
FOLDER = Path("/state/shard-0")


def store(*epochs: int) -> SnapshotStore:
    found = SnapshotStore(FakeDisk(), FOLDER)
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
        SnapshotStore(disk, FOLDER).load(9)


def test_the_oldest_version_that_may_be_needed() -> None:
    """That of the oldest kept snapshot."""
    assert store(1, 2).oldest_version() == 0
    assert store().oldest_version() is None
