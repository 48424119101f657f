"""A shard's state from what is left of it: snapshots here or shared, the journal, the layouts before."""

from __future__ import annotations

import pytest

from streamwatchd.errors import StateMismatch
from streamwatchd.ports.kafka import Partition
from streamwatchd.shard.owner import Layout
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
