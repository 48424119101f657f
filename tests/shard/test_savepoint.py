"""Savepoints: every shard's state by name, complete or not there."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from streamwatchd.errors import SnapshotCorrupt, StateMismatch
from streamwatchd.ports.fake_disk import FakeDisk, full
from streamwatchd.shard.background import Inline
from streamwatchd.shard.control import Save
from streamwatchd.shard.owner import Layout, Owner
from streamwatchd.shard.savepoint import Savepoint, parts, read_savepoint, savepoints, write_savepoint
from streamwatchd.shard.shared import SharedStore
from streamwatchd.shard.start import Assignment, Ports
from streamwatchd.shard.worker import Worker
from tests.shard.small import SETTINGS, SmallShard, TestLink, World
from tests.shard.test_worker import everything_once

SAVEPOINT = Savepoint("streamwatchd", "0.1", 5, Layout(0, 2), {0: 7, 1: 9}, 1_000)
ROOT = Path("/saves/a")


def saving(world: World, shard: int, files: FakeDisk, turn: int = 20) -> TestLink:
    """A run in which a savepoint is asked for."""
    store = SharedStore(files, ROOT, "streamwatchd")
    link = TestLink(world.contents, {turn: [Save(3, "file:///saves/a")]}, 40)
    ports = Ports(world.kafka, world.disk, world.clock, link, lambda name: Inline(), stores=lambda url: store)
    assignment = Assignment(shard, world.settings.shards, world.partitions, world.versions)
    Worker(world.settings, assignment, ports, SmallShard).run()
    return link


def test_a_worker_writes_its_part_behind_a_committed_epoch() -> None:
    """In files that need no other, while its work goes on; the state folder's own snapshots are as ever."""
    world, files = World(settings=replace(SETTINGS, shards=2)), FakeDisk()
    world.feed(40)
    said = [saving(world, shard, files).saveds for shard in (0, 1)]
    epochs = {each.shard: each.epoch for [each] in said}
    assert all(not each.problem and each.ticket == 3 for [each] in said)
    savepoint = replace(SAVEPOINT, epochs=epochs)
    found = parts(savepoint, SharedStore(files, ROOT, "streamwatchd"))
    assert {owner.shard: part.epoch for owner, part in found.items()} == epochs
    assert sum(len(part.states) for part in found.values()) == 4
    world.feed(10)
    for shard in (0, 1, 0, 1):
        world.run(shard)
    everything_once(world)


def test_a_store_that_refuses_is_said_and_harms_nothing() -> None:
    """The worker goes on."""
    world, files = World(), FakeDisk()
    files.faults.at(1, full, point="disk.write")
    world.feed(40)
    [said] = saving(world, 0, files).saveds
    assert "No space left" in said.problem
    world.run()
    everything_once(world)


def test_what_is_not_finished_is_not_there() -> None:
    """Nor what is spoilt; those that are finished are listed by name."""
    files = FakeDisk()
    write_savepoint(files, ROOT, SAVEPOINT)
    files.write(ROOT.parent / "half" / "app" / "versions", b"x")
    files.write(ROOT.parent / "spoilt" / "savepoint", SAVEPOINT.encode()[:-1])
    assert savepoints(files, ROOT.parent) == {"a": SAVEPOINT}
    assert read_savepoint(files, ROOT) == SAVEPOINT
    with pytest.raises(StateMismatch, match="there is no savepoint in /saves/half"):
        read_savepoint(files, ROOT.parent / "half")
    with pytest.raises(SnapshotCorrupt):
        read_savepoint(files, ROOT.parent / "spoilt")


def test_every_byte_of_a_part_is_checked() -> None:
    """A savepoint with a flipped bit is no savepoint."""
    world, files = World(), FakeDisk()
    world.feed(40)
    [said] = saving(world, 0, files).saveds
    owner = Owner("streamwatchd", 0, 1, 0)
    path = SharedStore(files, ROOT, "streamwatchd").snapshots(owner).path(said.epoch)
    data = bytearray(files.files[path])
    data[40] ^= 1
    files.files[path] = bytes(data)
    with pytest.raises(SnapshotCorrupt):
        parts(replace(SAVEPOINT, layout=Layout(0, 1), epochs={0: said.epoch}), SharedStore(files, ROOT, "streamwatchd"))
