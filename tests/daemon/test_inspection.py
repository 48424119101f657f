"""What a start finds of topics and offsets."""

from __future__ import annotations

from dataclasses import replace

import pytest

from streamwatchd.daemon.inspection import Accept, in_words
from streamwatchd.daemon.topic_book import TopicBook
from streamwatchd.ports.fake_disk import FakeDisk
from streamwatchd.ports.kafka import Committed, Partition
from tests.daemon.worked import P0, P1, inspected, worked
from tests.shard.small import SETTINGS, World


def kinds(world: World, book: TopicBook) -> list[Accept | None]:
    return [each.accept for each in inspected(world, book).findings()]


def test_what_was_left_alone_fits() -> None:
    """Also where nothing is known yet."""
    world, book = worked()
    assert kinds(world, book) == []
    assert kinds(World(), TopicBook(FakeDisk(), SETTINGS.state_dir)) == []


@pytest.mark.parametrize("call", ["describe", "beginning_offsets", "committed", "end_offsets"])
def test_another_daemon_may_be_at_work_meanwhile(call: str) -> None:
    """What it reads and commits between two questions is no log that was cut short."""
    world, book = worked()

    def work() -> None:
        world.feed(20)
        world.run()

    world.kafka.faults.at(1, work, point=f"kafka.{call}")  # type: ignore[arg-type]
    assert kinds(world, book) == []


def test_records_that_are_gone_are_counted() -> None:
    """Retention; and a log that ends before the next record to read."""
    world, book = worked()
    world.feed(20)
    world.kafka.broker.log(P0).delete_before(15)
    [gap] = inspected(world, book).findings()
    assert (gap.accept, gap.starts, gap.gone) == (Accept.GAP, {P0: 15}, {P0: 15})
    assert "in[0] begins at offset 15, the next to be read was 10: 5 record(s)" in gap.text
    del world.kafka.broker.log(P1).entries[8:]
    assert inspected(world, book).findings()[1].starts == {P1: 8}


def test_a_topic_made_anew_is_known_by_its_id() -> None:
    """Its offsets go with it; the state goes on with its first record, and replays nothing of it."""
    world, book = worked()
    world.kafka.broker.delete("in")
    world.kafka.broker.create("in", 3)
    [gap] = inspected(world, book).findings()
    assert gap.accept is Accept.GAP
    assert gap.starts == {P0: 0, P1: 0, Partition("in", 2): 0}
    assert (gap.lost, gap.counts) == ({P0, P1}, {"in": 2})
    world.kafka.broker.delete("in")
    world.kafka.broker.create("in", 1)
    assert kinds(world, book) == [None]


def test_new_partitions_are_named() -> None:
    """They begin at their first record, whatever `start_from` says."""
    world, book = worked()
    world.kafka.broker.topics["in"].append(type(world.kafka.broker.log(P0))())
    [raised] = inspected(world, book).findings()
    assert (raised.accept, raised.counts) == (Accept.PARTITIONS, {"in": 2})
    assert raised.starts == {Partition("in", 2): 0}


def test_partitions_that_another_host_has_taken_in_are_none() -> None:
    """It has committed offsets for them; of more that came since, those count as there."""
    world, book = worked()
    world.kafka.broker.topics["in"].append(type(world.kafka.broker.log(P0))())
    offsets = world.kafka.broker.groups[SETTINGS.app]
    offsets[Partition("in", 2)] = replace(offsets[P0], offset=0)
    assert inspected(world, book).findings() == []
    world.kafka.broker.topics["in"].append(type(world.kafka.broker.log(P0))())
    [raised] = inspected(world, book).findings()
    assert (raised.counts, raised.starts) == ({"in": 3}, {Partition("in", 3): 0})


def test_without_a_book_partitions_that_no_shard_has_committed_are_new() -> None:
    """Where their shard has committed others; a topic that nobody has read yet is none that has grown."""
    world, _ = worked()
    nothing = TopicBook(FakeDisk(), SETTINGS.state_dir)
    assert kinds(world, nothing) == []
    world.kafka.broker.topics["in"].append(type(world.kafka.broker.log(P0))())
    [raised] = inspected(world, nothing).findings()
    assert (raised.accept, raised.counts) == (Accept.PARTITIONS, {"in": 2})
    for each in (P0, P1):
        del world.kafka.broker.groups[SETTINGS.app][each]
    assert Accept.PARTITIONS not in kinds(world, nothing)


def test_a_folder_that_another_app_worked_in_is_thought_of() -> None:
    """Of a new `app` no offset is there at all; of one that lost some, some are."""
    world, book = worked()
    del world.kafka.broker.groups[SETTINGS.app][P1]
    [some] = inspected(world, book).findings()
    assert "`app`" not in some.text
    world.kafka.broker.groups.clear()
    [every] = inspected(world, book).findings()
    assert "a new one takes a new `state_dir` too" in every.text


def test_all_is_settled_by_one_command() -> None:
    """Several findings, one line to copy."""
    world, book = worked()
    world.feed(20)
    world.kafka.broker.log(P0).delete_before(15)
    world.kafka.broker.groups[SETTINGS.app][P1] = Committed(1)
    words = in_words(inspected(world, book).findings(), lambda rest: f"`streamwatchd {rest}`")
    assert "`streamwatchd --accept offsets --accept gap`" in words
