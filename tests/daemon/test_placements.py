"""In how many partitions keys lie, and from when on."""

from __future__ import annotations

from pathlib import Path

from streamwatchd.daemon.contents import Bundle, ContentStore
from streamwatchd.daemon.placements import Placements
from streamwatchd.ports.clock import ManualClock
from streamwatchd.ports.fake_disk import FakeDisk
from tests.shard.small import content

FOLDER = Path("/state")
MINUTE_MS = 60_000


class Host:
    """It may be started again."""

    def __init__(self) -> None:
        self.disk, self.clock = FakeDisk(), ManualClock(0)

    def start(self) -> Placements:
        return Placements(self.disk, FOLDER, self.clock, 5 * MINUTE_MS)


def test_more_partitions_count_once_producers_have_heard_of_them() -> None:
    """Whoever starts in between knows when that is."""
    host = Host()
    host.start().note({"in": 6})
    host.clock.advance(5 * MINUTE_MS - 1)
    later = host.start()
    assert (later.now(), list(later.settling)) == ({}, ["in"])
    host.clock.advance(1)
    assert (later.now(), later.settling) == ({"in": 6}, {})


def test_what_is_in_force_holds_until_more_is_due() -> None:
    host = Host()
    placements = host.start()
    placements.begin({"in": 6, "other": 2})
    placements.note({"in": 8})
    assert placements.now() == {"in": 6, "other": 2}
    host.clock.advance(5 * MINUTE_MS)
    assert placements.now() == {"in": 8, "other": 2}


def test_what_another_host_has_put_in_force_holds_here_too() -> None:
    """Though a file that was read before says less."""
    host = Host()
    host.start().note({"in": 6})
    host.clock.advance(5 * MINUTE_MS)
    placements, store = host.start(), ContentStore(host.disk, FOLDER)
    placements.follow(store)
    store.add(content("a"), Bundle(b"", {}, {}, placed={"in": 8}))
    assert placements.now() == {"in": 8}


def test_nothing_found_leaves_no_file() -> None:
    """And a file that is spoilt is as if there were none."""
    host = Host()
    host.start().note({})
    assert host.disk.list(FOLDER) == []
    host.disk.write(FOLDER / "placements", b"?")
    assert host.start().settling == {}
