"""Good files to spoil: what the real engine leaves in its state folder, and the same of another owner."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path
from unittest import mock

from streamwatchd.operators import panes
from streamwatchd.packing import thawed
from streamwatchd.ports.fake_disk import FakeDisk
from streamwatchd.shard import snapshot
from streamwatchd.shard.journal import EpochRecord, LocalJournal
from streamwatchd.shard.owner import Owner
from streamwatchd.shard.snapshot import SnapshotStore
from streamwatchd.shard.snapshot_file import Manifest
from tests.state.traffic import CROWD_AT_S, START_MS, stretch
from tests.state.world import PROJECT, STATE, World

FOLDER = STATE / "shard-0"
ABOVE = 10**9
"""No epoch is."""


@dataclass(frozen=True, slots=True)
class Corpus:
    """`files` of one state folder; `foreign` are those of another shard, by the name that they would have here.

    `records` are all of the local journal. `uses` says for the file of an epoch which later snapshots need which
    stretches (offset, length) of it.
    """

    owner: Owner
    files: Mapping[Path, bytes]
    foreign: Mapping[Path, bytes]
    records: Mapping[int, EpochRecord]
    uses: Mapping[int, Mapping[int, tuple[tuple[int, int], ...]]]

    def kind_of(self, path: Path) -> str:
        """snapshot, journal, versions or rules."""
        if path.suffix == ".snapshot":
            return "snapshot"
        if path.suffix == ".log":
            return "journal"
        return "rules" if path.parent.name == "content" else "versions"


@cache
def corpus() -> Corpus:
    """Made once in a process: some seconds of work."""
    with mock.patch.object(snapshot, "_SMALL", 0), mock.patch.object(panes, "_MANY_KEYS", 1):  # they share files
        disk, owner = _disk(), Owner("golden", 0, 1, 0)
    store, log = SnapshotStore(disk, FOLDER, owner), LocalJournal(disk, FOLDER, owner)
    manifests = {epoch: store.manifest(epoch) for epoch in store.epochs()}
    uses = {epoch: _uses(epoch, manifests) for epoch in manifests}
    records = {each.epoch: each for each in log.read(0, ABOVE)}
    assert len(manifests) >= 3
    assert any(uses.values())
    assert len(records) > 10
    return Corpus(owner, dict(disk.files), _foreign(disk, store, records), records, uses)


def _uses(epoch: int, manifests: Mapping[int, Manifest]) -> dict[int, tuple[tuple[int, int], ...]]:
    found = {}
    for user, manifest in manifests.items():
        blobs = [blob for task in manifest.tasks for blob in task.blobs if blob.epoch == epoch]
        if blobs and user != epoch:
            found[user] = tuple((blob.offset, blob.length) for blob in blobs)
    return found


def _disk() -> FakeDisk:
    world = World()
    world.settings = replace(world.settings, batch_records=8, exchange_partitions=1)
    world.begin()
    begin = CROWD_AT_S + 1  # small files are quick to spoil and to read
    world.feed(stretch(begin, begin + 20))
    world.run()
    world.feed(stretch(begin + 20, begin + 25))
    world.change(PROJECT / "after", START_MS + 1_000 * (begin + 30))
    for at in (25, 32, 39):
        world.feed(stretch(begin + at, begin + at + 7))
        world.run()
    world.feed(stretch(begin + 46, begin + 53))
    world.run_and_kill()
    return world.disk


def _foreign(disk: FakeDisk, store: SnapshotStore, records: Mapping[int, EpochRecord]) -> dict[Path, bytes]:
    """The same epochs as shard 1 of 2 would have written them."""
    other, owner = FakeDisk(), Owner("golden", 0, 2, 1)
    theirs = SnapshotStore(other, FOLDER, owner, generations=99)
    for epoch in store.epochs():
        found = store.load(epoch)
        theirs.write(replace(found, owner=owner, states={task: thawed(tree) for task, tree in found.states.items()}))
    for name in disk.list(FOLDER):
        if name.endswith(".log"):
            ours = LocalJournal(_only(disk, FOLDER / name), FOLDER, store.manifest(store.epochs()[0]).owner)
            log = LocalJournal(other, FOLDER, owner)
            for record in ours.read(0, ABOVE):
                log.append(replace(record, owner=owner))
    assert len(records) > 0
    return dict(other.files)


def _only(disk: FakeDisk, path: Path) -> FakeDisk:
    found = FakeDisk()
    found.files[path] = disk.files[path]
    return found
