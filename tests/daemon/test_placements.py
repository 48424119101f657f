"""In how many partitions keys lie, and from when on."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from streamwatchd.daemon.contents import Bundle, ContentStore
from streamwatchd.daemon.placements import Placements
from streamwatchd.daemon.places import Places
from streamwatchd.ports.clock import ManualClock
from streamwatchd.ports.fake_disk import FakeDisk
from streamwatchd.ports.fake_kafka import FakeKafka
from streamwatchd.ports.kafka import Committed, Partition, Record
from tests.shard.small import SETTINGS, content

FOLDER = Path("/state")
MINUTE_MS = 60_000
SETTLING, PLACED = Places({}, ("in",)), Places({"in": 2})


class Host:
    """It may be started again. Topic `in` has two partitions by now."""

    def __init__(self) -> None:
        self.disk, self.clock, self.kafka = FakeDisk(), ManualClock(0), FakeKafka({"in": 2})
        self.read = {("in", 0): (0, 0), ("in", 1): (1, 0)}
        self.changes = 0

    def start(self) -> Placements:
        settings = replace(SETTINGS, partitions_settle_ms=5 * MINUTE_MS)
        return Placements(self.disk, FOLDER, self.clock, settings, lambda: self.read, self._changed)

    def _changed(self) -> None:
        self.changes += 1

    def feed(self, partition: int, count: int) -> None:
        writer = self.kafka.plain_writer()
        writer.send([Record("in", b"{}", partition=partition)] * count)
        writer.flush(1)

    def look(self, placements: Placements) -> Places:
        placements.look(self.kafka.admin())
        return placements.now()


def test_more_partitions_count_once_producers_have_heard_of_them() -> None:
    """Whoever starts in between knows when that is."""
    host = Host()
    host.start().note({"in": 2})
    host.clock.advance(5 * MINUTE_MS - 1)
    later = host.start()
    assert (host.look(later), list(later.settling)) == (SETTLING, ["in"])
    host.clock.advance(1)
    assert (host.look(later), host.changes) == (PLACED, 1)
    assert (host.look(later), host.changes) == (PLACED, 1)


def test_what_was_there_by_then_is_read_first() -> None:
    """Here, or by another host that commits; what comes later is not waited for."""
    host = Host()
    placements = host.start()
    placements.note({"in": 2})
    host.feed(0, 3)
    host.feed(1, 3)
    host.clock.advance(5 * MINUTE_MS)
    assert host.look(placements) == SETTLING
    host.feed(0, 10)
    host.read = {("in", 0): (0, 3)}
    assert host.look(placements) == SETTLING
    host.kafka.admin().commit(SETTINGS.app, {Partition("in", 1): Committed(2)})
    assert host.look(placements) == SETTLING
    host.kafka.admin().commit(SETTINGS.app, {Partition("in", 1): Committed(3)})
    assert host.look(placements) == PLACED


def test_what_is_in_force_is_waited_for_no_more() -> None:
    """As it is at a start, or as another host has put it in force, though a file that was read before says less."""
    host = Host()
    host.start().note({"in": 2})
    host.clock.advance(5 * MINUTE_MS)
    placements = host.start()
    placements.begin(Places({"in": 2, "other": 3}))
    assert placements.settling == {}
    assert (host.look(placements), host.changes) == (Places({"in": 2, "other": 3}), 0)
    store = ContentStore(host.disk, FOLDER)
    placements.follow(store)
    store.add(content("a"), Bundle(b"", {}, {}, places=Places({"in": 8})))
    assert host.look(placements) == Places({"in": 8})


def test_who_lost_the_file_waits_once_more() -> None:
    """What is in force says that keys are on their way."""
    host = Host()
    placements = host.start()
    placements.begin(SETTLING)
    assert placements.now() == host.look(placements) == SETTLING
    host.clock.advance(5 * MINUTE_MS)
    assert host.look(placements) == PLACED


def test_who_lost_the_file_at_a_second_time_waits_once_more() -> None:
    """Keys that lie elsewhere already may be on their way again: what is in force says so, and no silence is told.

    So it is on a host that read the file before it was written again.
    """
    host = Host()
    again = Places({"in": 1}, ("in",))
    for noted in ({}, {"in": 1}):
        host.disk.delete(FOLDER / "placements")
        host.start().note(noted)
        placements = host.start()
        placements.begin(again)
        assert placements.now() == host.look(placements) == again
        host.clock.advance(5 * MINUTE_MS)
        assert host.look(placements) == PLACED
        placements.begin(PLACED)
        assert host.look(placements) == PLACED


def test_nothing_found_leaves_no_file() -> None:
    """And a file that is spoilt is as if there were none."""
    host = Host()
    host.start().note({})
    assert host.disk.list(FOLDER) == []
    host.disk.write(FOLDER / "placements", b"?")
    assert host.start().settling == {}
