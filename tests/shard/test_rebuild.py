"""A shard's state from what is left of it: snapshots here or shared, the journal, the layouts before."""

from __future__ import annotations

import pytest

from streamwatchd.errors import StateMismatch
from streamwatchd.ports.kafka import Partition
from streamwatchd.shard.layouts import Move
from streamwatchd.shard.meter import Meter
from streamwatchd.shard.output import TABLES, TaskId
from streamwatchd.shard.owner import Layout, Owner
from streamwatchd.shard.rebuild import Sources, divide
from streamwatchd.shard.snapshot import Snapshot
from tests.shard.small import FIRST, SmallShard
from tests.shard.test_move import Moving
from tests.shard.test_worker import everything_once


@pytest.mark.parametrize("lost", ["disk", "host", "both"])
def test_lost_first_snapshots_are_put_together_again(lost: str) -> None:
    """From the shared store; without one from the layout before, out of the journal topic, over several moves."""
    world = Moving()
    if lost == "host":
        world.share()
    for shards in (2, 5, 3):
        world.feed(30)
        world.start(shards)
    if lost != "disk":
        world.move()
    for path in list(world.disk.files):
        world.disk.delete(path)
    world.feed(30)
    world.start(3)
    everything_once(world)


def test_a_move_that_is_retained_no_more_stops_it() -> None:
    """With the topic named and a way out; nothing is made up."""
    world = Moving()
    world.feed(30)
    world.start(2)
    world.start(3)
    world.move()
    journal = world.kafka.broker.log(Partition(world.settings.topics.journal, 0))
    journal.delete_before(journal.end)
    with pytest.raises(StateMismatch, match=r"does not retain where the shards before it stood.*restore a savepoint"):
        world.of(Layout(1, 3), 0).run()


def test_earlier_rows_of_tables_go_to_all_shards_that_have_tasks() -> None:
    """They are the same in every shard; one without tasks has no snapshot."""
    world = Moving()
    sources = Sources(
        world.settings, world.counts, (FIRST,), world.kafka, world.disk, None, world.contents.__getitem__, SmallShard,
        Meter(0, world.clock),
    )  # fmt: skip
    tasks = {TaskId(1, "in", number): 3 for number in range(4)}
    owner = Owner(world.settings.app, 0, 1, 0)
    before = Snapshot(owner, 5, (FIRST,), tasks, {**dict.fromkeys(tasks, b""), TABLES: "rows"}, "0")
    parts = divide([before], Move(Layout(0, 1), Layout(1, 9), 5, {0: 5}), sources).values()
    assert [part.states.get(TABLES) for part in parts if part.positions] == ["rows"] * 4
    assert not any(part.states for part in parts if not part.positions)
