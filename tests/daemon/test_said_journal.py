"""What was said at run time, in the journal topic."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamwatchd.daemon.contents import Bundle, ContentStore
from streamwatchd.daemon.said_journal import Said, SaidJournal, said_in
from streamwatchd.errors import Unavailable
from streamwatchd.ports.clock import ManualClock
from streamwatchd.ports.fake_disk import FakeDisk
from streamwatchd.ports.fake_kafka import FakeKafka
from streamwatchd.ports.kafka import Record
from streamwatchd.rules.silence_reader import SPOKEN
from tests.daemon.project import ListLog
from tests.shard.small import content

TOPIC = "streamwatchd.journal"


class Site:
    def __init__(self) -> None:
        self.kafka, self.clock = FakeKafka({TOPIC: 4}), ManualClock()
        self.store = ContentStore(FakeDisk(), Path("/state"))
        self.journal = SaidJournal(self.kafka, TOPIC, "me", self.clock, ListLog())

    def add(self, name: str, said: bytes) -> None:
        self.store.add(content(name), Bundle(b"", {}, {}, silences={SPOKEN: said} if said else {}))

    def push(self) -> None:
        self.journal.push(self.store)

    @property
    def written(self) -> int:
        return len(self.kafka.broker.topics[TOPIC][0].entries)


def test_what_is_said_is_found_by_the_content_that_it_is_part_of() -> None:
    """Of this application; contents in which nothing was said leave no record."""
    site = Site()
    for name, said in (("a", b""), ("b", b"one"), ("c", b"two")):
        site.add(name, said)
    site.push()
    assert said_in(site.kafka, TOPIC, "me") == {"b": Said(b"one"), "c": Said(b"two")}
    assert said_in(site.kafka, TOPIC, "you") == {}


def test_it_is_written_again_every_hour_as_long_as_a_version_names_it() -> None:
    """The topic forgets after a week."""
    site = Site()
    site.add("a", b"one")
    site.add("b", b"two")
    site.push()
    site.push()
    assert site.written == 2
    site.store.prune(oldest=1)
    site.clock.advance(3_600_000)
    site.push()
    assert site.written == 3


def test_what_kafka_did_not_take_is_written_at_the_next_try() -> None:
    site = Site()
    site.add("a", b"one")
    site.kafka.down = True
    with pytest.raises(Unavailable):
        site.push()
    site.kafka.down = False
    site.push()
    assert said_in(site.kafka, TOPIC, "me") == {"a": Said(b"one")}


def test_it_is_found_behind_a_transaction_that_a_dead_worker_left_open() -> None:
    """And records that are none of these are passed over."""
    site = Site()
    writer = site.kafka.writer("dead")
    writer.begin()
    writer.send([Record(TOPIC, b"epoch", b"0", 0)])
    site.kafka.plain_writer().send([Record(TOPIC, b"spoilt", b"said/x", 0)])
    site.add("a", b"one")
    site.push()
    assert said_in(site.kafka, TOPIC, "me") == {"a": Said(b"one")}


def test_what_was_said_last_is_written_before_the_daemon_leaves() -> None:
    site = Site()
    site.journal.follow(site.store)
    site.add("a", b"one")
    site.journal.close()
    assert said_in(site.kafka, TOPIC, "me") == {"a": Said(b"one")}


def test_it_is_there_before_its_content_is_in_force() -> None:
    """A host that is lost with its disk right after the change is found by it; later it counts as any other."""
    site = Site()
    said = Bundle(b"", {}, {}, silences={SPOKEN: b"one"})
    site.journal.ahead(content("a").digest, said)
    assert said_in(site.kafka, TOPIC, "me") == {"a": Said(b"one")}
    site.add("a", b"one")
    site.push()
    assert site.written == 1


def test_what_kafka_does_not_take_ahead_holds_the_change_up() -> None:
    site = Site()
    site.kafka.down = True
    with pytest.raises(Unavailable):
        site.journal.ahead("a", Bundle(b"", {}, {}, silences={SPOKEN: b"one"}))
