"""What a start would replay, and what of it is gone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace

import pytest

from streamwatchd.daemon.replays import Gap, Lacks, Replays
from streamwatchd.ports.kafka import Partition
from streamwatchd.shard.history import journalled_epochs
from streamwatchd.shard.journal import EpochRecord
from streamwatchd.shard.owner import Layout
from tests.shard.small import SETTINGS
from tests.shard.test_move import Moving

P0, JOURNAL = Partition("in", 0), "streamwatchd.journal"


def lacks(world: Moving, owns: tuple[int, ...] = ()) -> Lacks:
    replays = Replays(world.kafka, replace(world.settings, owns=owns), world.disk, world.shared)
    return replays.lacks(world.kafka.broker.groups[world.settings.app])


def gaps(world: Moving, owns: tuple[int, ...] = ()) -> Mapping[Partition, Gap]:
    return lacks(world, owns).gaps


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


def forget(world: Moving, keep: Callable[[EpochRecord], bool]) -> None:
    """Retention takes the journal up to the last record, of each partition, that is not to be kept."""
    for number in range(4):
        log = world.kafka.broker.log(Partition(JOURNAL, number))
        records = enumerate(log.entries, log.start)
        read = [
            (offset, entry.record) for offset, entry in records if entry.record and (entry.record.key or b"").isdigit()
        ]
        old = [offset for offset, record in read if not keep(EpochRecord.decode(record.value or b""))]
        log.delete_before(max(old, default=-1) + 1)


def test_a_journal_that_lacks_epochs_is_gone_on_with_from_where_it_is_whole() -> None:
    """By shard; behind that epoch the state could begin anew, under the rules and at the offsets that it was at."""
    world = Moving()
    world.feed(60)
    world.start(2)
    world.move()
    assert not lacks(world).unjournalled
    forget(world, lambda record: record.epoch > 2)
    found = lacks(world).unjournalled
    assert sorted(each.shard for each in found) == [0, 1]
    epochs = journalled_epochs(world.kafka, JOURNAL, SETTINGS.app)
    for owner, each in found.items():
        first = min((record for record in epochs if record.owner == owner), key=lambda record: record.epoch)
        starts = {task: each.start for task, each in first.ranges.items() if task.stage == 1}
        assert (each.anew.epoch, each.anew.version, each.since_ms) == (first.epoch - 1, 0, first.now_ms)
        assert {at.partition: offset for at, offset in each.anew.positions.items() if at.topic == "in"} == {
            task.partition: start for task, start in starts.items()
        }


def test_where_nothing_of_the_journal_is_left_the_committed_offsets_are() -> None:
    """Also of a layout whose move is forgotten; a move that is known leads on to the layout before."""
    world = moved()
    world.move()
    forget(world, lambda record: record.owner.generation > 0)
    assert {each.generation for each in lacks(world).unjournalled} == {1}
    for number in range(4):
        log = world.kafka.broker.log(Partition(JOURNAL, number))
        log.delete_before(log.end)
    found = lacks(world).unjournalled
    assert sorted(each.shard for each in found) == [0, 1, 2]
    committed = world.kafka.broker.groups[SETTINGS.app]
    for owner, each in found.items():
        assert (each.anew.epoch, each.anew.version, each.since_ms) == (each.epoch, None, None)
        assert each.anew.positions == {
            at: position.offset for at, position in committed.items() if f";s={owner.shard}/3;g=1" in position.metadata
        }


@pytest.mark.parametrize("left", ["some", "nothing"])
def test_what_begins_anew_says_nothing_twice(left: str) -> None:
    """The records that are replayed are muted, those that come are judged; late is what was late."""
    world = Moving()
    for _ in range(3):
        world.feed(40)
        world.start(2)
    said = len(world.alerts())
    world.move()
    forget(world, lambda record: left == "some" and record.epoch > 5)
    found = lacks(world).unjournalled
    assert len(found) == 2
    world.mover(Layout(0, 2), 3, anew={owner: each.anew for owner, each in found.items()}).run()
    assert not lacks(world).unjournalled
    assert len(world.alerts()) == said
    world.feed(40)
    world.start(3)
    where = [each["where"] for each in world.alerts()]
    assert len(where) == len(set(where)) == 160
    world.move()
    again = lacks(world).unjournalled.values()
    assert {each.anew.epoch for each in again} == {max(each.epoch for each in found.values()) + 1}
