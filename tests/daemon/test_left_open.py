"""What a daemon that was killed whole left open is ended by the next start, and nothing else is."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from streamwatchd.daemon.left_open import end_left_open
from streamwatchd.errors import Fenced, Unavailable
from streamwatchd.ports.fake_kafka import FakeKafka, FakeWriter
from streamwatchd.ports.kafka import Committed, Outcome, Partition
from streamwatchd.shard.owner import Layout, Owner, mover_id
from streamwatchd.shard.stamp import stamp_of
from tests.daemon.project import ListLog
from tests.shard.small import SETTINGS, content

PARTITIONS = {"in": 2}
IN = [Partition("in", number) for number in range(2)]
LAYOUT = Layout(3, 2)


class Setting:
    """A layout in force in which each of two shards has one partition."""

    def __init__(self) -> None:
        self.kafka, self.log = FakeKafka(PARTITIONS), ListLog()
        self.owners = [Owner(SETTINGS.app, LAYOUT.generation, LAYOUT.shards, shard) for shard in range(2)]
        self.writers = [self.kafka.writer(owner.transactional_id) for owner in self.owners]
        for shard in range(2):
            self.offer(shard, epoch=1)
            assert self.writers[shard].commit(1.0) is Outcome.COMMITTED

    def offer(self, shard: int, epoch: int) -> FakeWriter:
        """A transaction with a position that is not decided yet."""
        writer = self.writers[shard]
        writer.begin()
        writer.send_offsets(SETTINGS.app, {IN[shard]: Committed(epoch, str(stamp_of(self.owners[shard], epoch)))})
        return writer

    def end(self, **settings: object) -> list[str]:
        """What is logged."""
        end_left_open(self.kafka, replace(SETTINGS, **settings), PARTITIONS, [content("v0")], self.log)  # type: ignore[arg-type]
        return self.log.events()

    def fences(self) -> list[int]:
        """How often each shard's id was opened anew."""
        return [self.kafka.broker.epochs[each.transactional_id] for each in self.owners]

    def offsets(self) -> list[int | None]:
        found = self.kafka.admin().committed(SETTINGS.app, IN)
        return [position and position.offset for position in found.values()]


def test_positions_that_were_undecided_stand_as_they_were() -> None:
    """The dead are fenced, all shards at a time: who of them left something open is not known."""
    setting = Setting()
    dead = setting.offer(0, epoch=2)
    with pytest.raises(Unavailable):
        setting.offsets()
    assert setting.end() == ["transactions_ended"]
    assert setting.offsets() == [1, 1]
    with pytest.raises(Fenced):
        dead.commit(1.0)
    assert setting.fences() == [1, 1]


def test_a_move_that_was_half_done_is_ended_too() -> None:
    """Its one transaction holds the positions of all shards."""
    setting = Setting()
    mover = setting.kafka.writer(mover_id(SETTINGS.app))
    mover.begin()
    mover.send_offsets(SETTINGS.app, dict.fromkeys(IN, Committed(9, str(stamp_of(Owner(SETTINGS.app, 4, 1, 0), 2)))))
    assert setting.end() == ["transactions_ended"]
    assert setting.offsets() == [1, 1]


def test_before_the_first_epoch_the_shards_are_those_of_the_settings() -> None:
    """Nothing is committed that would name a layout."""
    kafka = FakeKafka(PARTITIONS)
    owner = Owner(SETTINGS.app, 0, SETTINGS.shards, 0)
    dead = kafka.writer(owner.transactional_id)
    dead.begin()
    dead.send_offsets(SETTINGS.app, {IN[0]: Committed(1, str(stamp_of(owner, 1)))})
    end_left_open(kafka, SETTINGS, PARTITIONS, [content("v0")], ListLog())
    assert kafka.admin().committed(SETTINGS.app, IN) == dict.fromkeys(IN)


def test_of_several_hosts_each_ends_its_own() -> None:
    """The others are at work, and what they have open is theirs to decide."""
    setting = Setting()
    setting.offer(0, epoch=2)
    other = setting.offer(1, epoch=2)
    assert setting.end(owns=(0,)) == ["transactions_ended"]
    assert other.commit(1.0) is Outcome.COMMITTED
    assert setting.offsets() == [1, 2]


def _nothing_open(setting: Setting) -> dict[str, object]:
    return {}


def _plain(setting: Setting) -> dict[str, object]:
    setting.offer(0, epoch=2)
    return {"delivery": "at_least_once"}


def _moved_by_hand(setting: Setting) -> dict[str, object]:
    setting.kafka.admin().commit(SETTINGS.app, {IN[1]: Committed(7, "by hand")})
    setting.offer(0, epoch=2)
    return {}


def _nobody_answers(setting: Setting) -> dict[str, object]:
    setting.offer(0, epoch=2)
    setting.kafka.faults.every("kafka.committed", lambda: Unavailable("no broker answers"))
    return {}


@pytest.mark.parametrize("case", [_nothing_open, _plain, _moved_by_hand, _nobody_answers])
def test_nobody_is_fenced_where_nothing_is_left_or_known(case: Callable[[Setting], dict[str, object]]) -> None:
    """What comes next says what is wrong, if anything is."""
    setting = Setting()
    assert setting.end(**case(setting)) == []
    assert setting.fences() == [0, 0]


def test_a_fence_that_fails_is_said() -> None:
    """The time-out is left to do it, and the start waits for that with a word."""
    setting = Setting()
    setting.offer(0, epoch=2)
    setting.kafka.faults.at(1, lambda: Unavailable("no broker answers"), point="kafka.writer")
    assert setting.end() == ["transactions_left_open"]
    assert "no broker answers" in setting.log.lines[0][2]["reason"]
