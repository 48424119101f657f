"""A start that is refused, and what settles it."""

from __future__ import annotations

import pytest

from streamwatchd.daemon.fit import Accept, Fit
from streamwatchd.daemon.topic_book import TopicBook
from streamwatchd.errors import StateMismatch
from streamwatchd.ports.fake_disk import FakeDisk
from streamwatchd.ports.kafka import Committed
from tests.daemon.project import ListLog
from tests.daemon.worked import P0, TOPICS, worked
from tests.shard.small import SETTINGS


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
    fit = Fit(world.kafka, SETTINGS, TOPICS, book, ListLog())
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
    fit = Fit(world.kafka, SETTINGS, TOPICS, TopicBook(FakeDisk(), SETTINGS.state_dir), ListLog())
    with pytest.raises(StateMismatch, match="has worked before"):
        fit.demand([], str)
