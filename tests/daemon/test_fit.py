"""A start that is refused, and what settles it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from streamwatchd.daemon.fit import Accept, Fit
from streamwatchd.daemon.metrics import Metrics
from streamwatchd.daemon.replays import Replays
from streamwatchd.daemon.topic_book import TopicBook
from streamwatchd.errors import StateMismatch, Unavailable
from streamwatchd.ports.fake_disk import FakeDisk, broken
from streamwatchd.ports.kafka import Committed
from streamwatchd.shard.move import Order
from streamwatchd.shard.owner import Layout
from tests.daemon.project import ListLog
from tests.daemon.worked import P0, TOPICS, worked
from tests.shard.small import SETTINGS, World


def fitted(world: World, book: TopicBook) -> Fit:
    replays = Replays(world.kafka, SETTINGS, world.disk, world.shared)
    return Fit(world.kafka, SETTINGS, TOPICS, book, replays, ListLog())


def no_book() -> TopicBook:
    return TopicBook(FakeDisk(), SETTINGS.state_dir)


@pytest.mark.parametrize("there", [None, Committed(3), Committed(3, "mine")])
def test_offsets_that_are_not_ours_are_put_back(there: Committed | None) -> None:
    """As the journal topic has them: the very same."""
    world, book = worked()
    offsets = world.kafka.broker.groups[SETTINGS.app]
    before = dict(offsets)
    if there is None:
        del offsets[P0]
    else:
        offsets[P0] = there
    fit = fitted(world, book)
    with pytest.raises(StateMismatch, match="--accept offsets"):
        fit.demand([], lambda words: f"streamwatchd {words}")
    fit.demand([Accept.OFFSETS], str)
    fit.put_back()
    assert world.kafka.broker.groups[SETTINGS.app] == before
    world.feed(10)
    world.run()
    assert len({each["where"] for each in world.alerts()}) == len(world.alerts()) == 30


def test_offsets_lost_with_the_state_folder_are_missed() -> None:
    """The journal topic knows that this is no first start."""
    world, _ = worked()
    world.kafka.broker.groups.clear()
    fit = fitted(world, no_book())
    with pytest.raises(StateMismatch, match="has worked before"):
        fit.demand([], str)


def test_a_lost_state_folder_misses_what_passed_retention() -> None:
    """By partition, with what is lost; the move that settles it leaves out just that, and goes on where it stood."""
    world, _ = worked()
    world.move()
    fitted(world, no_book()).demand([], str)
    world.kafka.broker.log(P0).delete_before(4)
    fit = fitted(world, no_book())
    with pytest.raises(StateMismatch, match=r"in\[0\] begins at offset 4, the replay at 0: 4 record\(s\)") as refused:
        fit.demand([], lambda words: f"`streamwatchd {words}`")
    assert "shard(s) 0" in str(refused.value)
    assert "`streamwatchd --accept gap`" in str(refused.value)
    fit.demand([Accept.GAP], str)
    order = fit.order(Order(Layout(0, 1), Layout(1, 1), world.partitions, world.versions))
    assert (fit.moves, order.gone, order.starts) == (True, {P0: 4}, {})


def test_what_is_found_counts_for_self_alerts() -> None:
    """A start that is refused tells it too: records that are gone by partition, another topic, new partitions."""
    world, book = worked()
    broker = world.kafka.broker
    broker.groups[SETTINGS.app][P0] = replace(broker.groups[SETTINGS.app][P0], offset=2)
    broker.log(P0).delete_before(5)
    assert counted(world, book) == {("offset_gaps_total", "in", "0"): 1}
    count = world.partitions["in"]
    broker.delete("in")
    broker.create("in", count + 1)
    found = counted(world, book)
    assert found["topic_id_changes_total", "in", ""] == found["partitions_changed", "in", ""] == 1
    gaps = sorted(number for name, _, number in found if name == "offset_gaps_total")
    assert gaps == list(map(str, range(count)))


def counted(world: World, book: TopicBook) -> dict[tuple[str, str, str], float]:
    """Metrics by name, topic and partition."""
    metrics = Metrics()
    fitted(world, book).count(metrics)
    labelled = ((name, dict(labels), value) for (name, labels), value in metrics.samples(0).items())
    return {(name, labels["topic"], labels.get("partition", "")): value for name, labels, value in labelled}


def test_a_state_folder_that_leads_to_the_committed_offsets_misses_nothing() -> None:
    """Whatever retention has taken of what it has taken in."""
    world, book = worked()
    world.kafka.broker.log(P0).delete_before(10)
    fitted(world, book).demand([], str)


def test_a_shared_store_spares_the_replay() -> None:
    """And while it does not answer, nobody is asked to give up what it may have."""
    world, _ = worked(shared=True)
    world.move()
    world.kafka.broker.log(P0).delete_before(4)
    fitted(world, no_book()).demand([], str)
    world.remote.faults.every("disk.list", broken)
    with pytest.raises(Unavailable):
        fitted(world, no_book())
