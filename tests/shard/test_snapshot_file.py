"""The file of a snapshot: what it refers to, and that nothing else passes for it."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest

from streamwatchd.errors import SnapshotCorrupt
from streamwatchd.packing import Frozen
from streamwatchd.shard.output import TaskId
from streamwatchd.shard.owner import Owner
from streamwatchd.shard.snapshot import Snapshot
from streamwatchd.shard.snapshot_file import Place, read_manifest
from streamwatchd.shard.version import BEGINNING, Version

TASK = TaskId(1, "in", 0)


def snapshot(epoch: int, state: object) -> Snapshot:
    return Snapshot(Owner("app", 0, 1, 0), epoch, (Version(0, BEGINNING, "a"),), {TASK: epoch}, {TASK: state}, "0.1")


class Files:
    """Files of epochs in memory."""

    def __init__(self) -> None:
        self.data: dict[int, bytes] = {}

    def write(self, snapshot: Snapshot, since: int) -> None:
        writing = snapshot.writing("here", since)
        self.data[snapshot.epoch] = b"".join(writing.chunks())
        writing.settle()

    def read(self, epoch: int, offset: int, length: int) -> bytes:
        if epoch not in self.data:
            raise SnapshotCorrupt("gone")
        return self.data[epoch][offset : offset + length]

    def load(self, epoch: int) -> Snapshot:
        return Snapshot.read(read_manifest(self.read, epoch, len(self.data[epoch])), self.read, "here")


def values(state: Iterable[object]) -> list[object]:
    return [each.value.tolist() if isinstance(each, Frozen) else each for each in state]


def test_what_changes_no_more_is_written_once() -> None:
    """Later files refer to it; each file alone holds what is new."""
    files, big = Files(), Frozen(lambda: np.arange(10_000))
    files.write(snapshot(1, ["one", big]), since=1)
    files.write(snapshot(2, ["two", big]), since=1)
    assert len(files.data[2]) < len(files.data[1]) // 10
    assert values(files.load(2).states[TASK]) == ["two", list(range(10_000))]


def test_what_was_read_need_not_be_written_again() -> None:
    """A restored state knows where its parts are."""
    files, big = Files(), Frozen(lambda: np.arange(10_000))
    files.write(snapshot(1, [big]), since=1)
    files.write(snapshot(2, files.load(1).states[TASK]), since=1)
    assert len(files.data[2]) < 1_000
    assert values(files.load(2).states[TASK]) == [list(range(10_000))]


def test_a_new_line_refers_to_nothing_before() -> None:
    """Nor does what came from another store."""
    files, big = Files(), Frozen(lambda: np.arange(1_000))
    files.write(snapshot(1, [big]), since=1)
    files.write(snapshot(2, [big]), since=2)
    del files.data[1]
    assert values(files.load(2).states[TASK]) == [list(range(1_000))]
    assert isinstance(big.place, Place)
    alone = Snapshot.decode(snapshot(3, [big]).encode())
    assert values(alone.states[TASK]) == [list(range(1_000))]


def test_a_file_that_needs_others_is_not_taken_for_whole() -> None:
    """As a savepoint it would be worth nothing."""
    files, big = Files(), Frozen(lambda: np.arange(1_000))
    files.write(snapshot(1, [big]), since=1)
    files.write(snapshot(2, [big]), since=1)
    with pytest.raises(SnapshotCorrupt, match="earlier epochs"):
        Snapshot.decode(files.data[2])


def test_a_spoilt_part_in_an_earlier_file_is_found() -> None:
    """By whoever refers to it."""
    files, big = Files(), Frozen(lambda: np.arange(1_000))
    files.write(snapshot(1, [big]), since=1)
    files.write(snapshot(2, [big]), since=1)
    spoilt = bytearray(files.data[1])
    spoilt[4_000] ^= 1
    files.data[1] = bytes(spoilt)
    for epoch in (1, 2):
        with pytest.raises(SnapshotCorrupt, match="file of epoch 1"):
            files.load(epoch)


def test_a_failed_write_leaves_no_trace_in_the_state() -> None:
    """What never reached the disk is not referred to."""
    files, big = Files(), Frozen(lambda: np.arange(1_000))
    for _ in snapshot(1, [big]).writing("here", 1).chunks():
        pass
    assert big.place is None
    files.write(snapshot(2, [big]), since=1)
    assert values(files.load(2).states[TASK]) == [list(range(1_000))]
