"""The way into the loop; most of it is shown by test_worker."""

from __future__ import annotations

from dataclasses import replace

import pytest

from streamwatchd.errors import StateMismatch
from streamwatchd.ports.faults import Killed
from streamwatchd.ports.kafka import Partition
from tests.shard.small import SETTINGS, World
from tests.shard.test_worker import everything_once


def test_start_from_latest_leaves_the_past_alone() -> None:
    """Where a partition has no position yet; the choice is committed at once, so a restart does not make it anew."""
    world = World(settings=replace(SETTINGS, start_from="latest"))
    world.feed(20)
    world.run(turns=5)
    assert not world.alerts()
    world.feed(6)
    world.run()
    assert len(world.alerts()) == 6


def test_the_first_epoch_pins_the_positions() -> None:
    """Every owned partition has a committed position before its first record."""
    world = World()
    world.run(turns=3)
    committed = world.kafka.admin().committed("streamwatchd", [Partition("in", 0), Partition("in", 1)])
    assert all(each is not None and each.offset == 0 for each in committed.values())


def test_contents_that_are_kept_no_more_are_named() -> None:
    """A replay under other rules would be another state."""
    world = World()
    world.contents = {}
    with pytest.raises(StateMismatch, match="kept no more"):
        world.run()


def test_clients_and_lock_are_let_go() -> None:
    """Also when recovery refuses: the operator's command finds the folder free."""
    world = World()
    world.contents = {}
    with pytest.raises(StateMismatch):
        world.run()
    world.disk.lock(world.settings.state_dir / "shard-0" / "lock").release()


@pytest.mark.parametrize("point", ["kafka.commit", "kafka.send"])
@pytest.mark.parametrize("turns", [1, 5])
def test_a_host_that_comes_back_does_not_believe_its_last_epoch(point: str, turns: int) -> None:
    """It was written down here and never committed; another host has committed epochs of the same numbers since."""
    world = World()
    world.feed(20)
    world.run(turns=12, tenure="a")
    world.feed(20)
    world.kafka.faults.at(2, point=point)
    with pytest.raises(Killed):
        world.run(tenure="a")
    mine = world.disk
    mine.kill_process()
    world.move()
    world.settings = replace(SETTINGS, batch_records=3)
    world.run(turns=turns, tenure="b")
    world.disk, world.settings = mine, SETTINGS
    world.feed(10)
    world.run(tenure="c")
    everything_once(world)


def test_a_journal_topic_with_fewer_partitions_is_shared() -> None:
    """Records carry their shard."""
    world = World(partitions=4, settings=replace(SETTINGS, shards=6))
    world.partitions["streamwatchd.journal"] = 4
    world.feed(20)
    for _ in range(2):
        for shard in range(6):
            world.run(shard=shard, turns=12)
    for path in list(world.disk.files):
        world.disk.delete(path)
    world.feed(20)
    for _ in range(2):
        for shard in range(6):
            world.run(shard=shard, turns=12)
    assert len({alert["where"] for alert in world.alerts()}) == len(world.alerts()) == 40
    assert {kpi["times"] for kpi in world.kpis()} == {1}
