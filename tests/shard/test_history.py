"""Versions out of the journal topic."""

from __future__ import annotations

from dataclasses import replace

from streamwatchd.ports.fake_kafka import FakeKafka
from streamwatchd.ports.kafka import Record
from streamwatchd.shard.history import journalled_epochs, versions_in, versions_retained
from streamwatchd.shard.journal import EpochRecord
from streamwatchd.shard.layouts import Move
from streamwatchd.shard.owner import Layout, Owner
from streamwatchd.shard.version import BEGINNING, Version

FIRST = EpochRecord(Owner("app", 0, 2, 0), 1, 0, {}, (), (), 0, "c0", "v", {})
LATER = [Version(1, 10, "c1"), Version(2, 20, "c0")]


def test_all_shards_and_layouts_are_read() -> None:
    """Of this application; moves are no epochs."""
    kafka = FakeKafka({"journal": 2})
    second = replace(FIRST, owner=Owner("app", 1, 1, 0), epoch=2, switches=(LATER[0],), version=1, content="c1")
    other = replace(FIRST, owner=Owner("other", 0, 1, 0))
    move = Move(Layout(0, 2), Layout(1, 1), 1, {0: 1})
    for number, record in ((0, FIRST), (1, second), (1, other)):
        kafka.plain_writer().send([Record("journal", record.encode(), b"0", number), move.record("journal", "app")])
    assert journalled_epochs(kafka, "journal", "app") == [FIRST, second]
    assert journalled_epochs(kafka, "none", "app") == []


def test_versions_lead_up_to_the_newest_without_a_gap() -> None:
    """The first one is known by what ran under it; what is not retained is not made up."""
    epochs = [FIRST, *(replace(FIRST, switches=(each,), version=each.number, content=each.digest) for each in LATER)]
    assert versions_in(epochs) == (Version(0, BEGINNING, "c0"), *LATER)
    assert versions_in(epochs[1:]) == tuple(LATER)
    assert versions_in([epochs[0], epochs[2]]) == (LATER[1],)
    assert versions_in([]) == ()


def test_a_version_that_epochs_ran_under_is_known_without_its_switch() -> None:
    """The switch has passed retention; so it may be with all of them."""
    second = replace(FIRST, epoch=7, version=1, content="c1")
    third = replace(second, epoch=8, switches=(LATER[1],), version=2, content="c0")
    assert versions_retained([second, third]) == (Version(1, BEGINNING, "c1"), LATER[1])
    assert versions_retained([third]) == (LATER[1],)
    assert versions_retained([second]) == (Version(1, BEGINNING, "c1"),)
    assert versions_retained([FIRST, second]) == versions_retained([second, FIRST])
    assert versions_retained([]) == ()
