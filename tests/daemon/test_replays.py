"""What a start would replay, and what of it is gone."""

from __future__ import annotations

from dataclasses import replace

from streamwatchd.daemon.replays import Gap, Replays
from streamwatchd.ports.kafka import Partition
from tests.shard.test_move import Moving

P0, JOURNAL = Partition("in", 0), "streamwatchd.journal"


def gaps(world: Moving, owns: tuple[int, ...] = ()) -> dict[Partition, Gap]:
    every = [Partition(topic, n) for topic, count in world.partitions.items() for n in range(count)]
    admin = world.kafka.admin()
    replays = Replays(world.kafka, replace(world.settings, owns=owns), world.disk, world.shared)
    return replays.gaps(admin.committed(world.settings.app, every))


def moved() -> Moving:
    """Two shards that became three; 30 records under each layout."""
    world = Moving()
    for shards in (2, 3):
        world.feed(30)
        world.start(shards)
    return world


def test_all_layouts_are_read_again_where_everything_is_lost() -> None:
    """The sources and what went through the exchange; each from its first record."""
    world = moved()
    assert gaps(world) == {}
    world.move()
    assert gaps(world) == {}
    world.kafka.broker.log(P0).delete_before(1)
    exchange = Partition("streamwatchd.exchange.2", 1)
    world.kafka.broker.log(exchange).delete_before(2)
    assert gaps(world) == {P0: Gap(0, 1, frozenset({0, 1, 2})), exchange: Gap(0, 2, frozenset({0, 1, 2}))}


def test_a_snapshot_that_is_behind_is_gone_on_from() -> None:
    """What came before it may be gone; what came after it is needed."""
    world = Moving()
    for shards in (2, 3, 3):
        world.feed(30)
        world.start(shards)
    before = {path for path in world.disk.files if path.suffix == ".snapshot"}
    world.feed(30)
    world.start(3)
    for path in [path for path in world.disk.files if path.suffix == ".snapshot" and path not in before]:
        world.disk.delete(path)
    log = world.kafka.broker.log(P0)
    end = log.end
    log.delete_before(end - 8)
    assert gaps(world) == {}
    log.delete_before(end - 1)
    [gap] = gaps(world).values()
    assert (gap.start > 8, gap.first, len(gap.shards)) == (True, end - 1, 1)


def test_only_shards_of_this_host_are_looked_at() -> None:
    """The state of the others is elsewhere."""
    world = Moving()
    world.feed(30)
    world.start(2)
    world.move()
    for number in range(4):
        world.kafka.broker.log(Partition("in", number)).delete_before(1)
    mine, theirs = gaps(world, (0,)), gaps(world, (1,))
    assert mine.keys() | theirs.keys() == {Partition("in", number) for number in range(4)}
    assert not mine.keys() & theirs.keys()


def test_epochs_that_the_journal_lacks_are_left_to_the_worker() -> None:
    """Which says that they are missing: no records are what would help."""
    world = moved()
    world.move()
    for number in range(4):
        log = world.kafka.broker.log(Partition(JOURNAL, number))
        log.delete_before(log.end)
    assert gaps(world) == {}
