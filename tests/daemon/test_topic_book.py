"""Topics as they were: the file, and the look at what they are now."""

from __future__ import annotations

import pytest

from streamwatchd.daemon.metrics import Metrics
from streamwatchd.daemon.topic_book import TopicBook, TopicWatch
from streamwatchd.errors import Unavailable
from streamwatchd.ports.fake_disk import FakeDisk, broken
from streamwatchd.ports.kafka import TopicFacts
from tests.daemon.worked import worked
from tests.shard.small import SETTINGS


def test_a_spoilt_book_is_none() -> None:
    """Kafka's own signs must do then."""
    disk = FakeDisk()
    disk.write(SETTINGS.state_dir / "topics", b"spoilt")
    assert TopicBook(disk, SETTINGS.state_dir).read() == {}


def test_hosts_go_by_the_copy_of_the_one_that_leads() -> None:
    """By their own where there is none; and not by an old one while the store does not answer."""
    store, folder = FakeDisk(), SETTINGS.state_dir / "shared"
    leader, other = (TopicBook(FakeDisk(), SETTINGS.state_dir, (store, folder), leads=leads) for leads in (True, False))
    old, new = {"in": TopicFacts("a", 2)}, {"in": TopicFacts("a", 3)}
    other.write(old)
    assert (other.read(), store.list(folder)) == (old, [])
    leader.write(new)
    assert leader.read() == other.read() == new
    store.faults.every("disk.read", broken)
    assert leader.read() == new
    with pytest.raises(Unavailable):
        other.read()


def test_the_watch_tells_changes_and_forgives_one_miss() -> None:
    """A broker that starts may not know a topic yet."""
    _, book = worked()
    known, metrics = {"in": TopicFacts("a", 2)}, Metrics()
    watch = TopicWatch(SETTINGS.app, book, known, lambda reason: None, metrics)
    assert watch.changes({}) == []
    assert watch.changes(known) == []
    assert watch.changes({}) == []
    assert watch.changes({}) == ["topic in was deleted"]
    assert watch.changes({"in": TopicFacts("b", 2)}) == ["topic in was deleted and made anew"]
    assert watch.changes({"in": TopicFacts("a", 3)}) == ["topic in has 3 partitions, no longer 2"]
    told = {(name, labels[0][1]): value for (name, labels), value in metrics.samples(0).items()}
    assert told == {("topic_id_changes_total", "in"): 2, ("partitions_changed", "in"): 1}


def test_a_change_is_told_once() -> None:
    """The daemon leaves for it."""
    world, book = worked()
    admin, told = world.kafka.admin(), list[str]()
    watch = TopicWatch(SETTINGS.app, book, admin.describe(["in"]), told.append, Metrics())
    watch.look(admin)
    assert not told
    world.kafka.broker.delete("in")
    for _ in range(5):
        watch.look(admin)
    assert told == ["topic in was deleted"]
