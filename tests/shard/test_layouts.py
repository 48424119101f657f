"""Records of moves in the journal topic."""

from __future__ import annotations

import pytest

from streamwatchd.errors import StateMismatch
from streamwatchd.ports.fake_kafka import FakeKafka
from streamwatchd.ports.kafka import Partition, Record
from streamwatchd.shard.journal import read_topic
from streamwatchd.shard.layouts import Move, moves
from streamwatchd.shard.owner import Layout

MOVE = Move(Layout(0, 2), Layout(1, 5), 9, {0: 9, 1: 7})


def test_moves_are_found_by_the_generation_they_led_to() -> None:
    """Among the epochs, which they are not taken for, and the moves of other applications."""
    kafka = FakeKafka({"journal": 1})
    other = Move(Layout(1, 5), Layout(2, 1), 12, {0: 12})
    writer = kafka.plain_writer()
    writer.send([Record("journal", None, b"1", 0), MOVE.record("journal", "app"), other.record("journal", "app")])
    writer.send([MOVE.record("journal", "another")])
    assert moves(kafka, Partition("journal", 0), "app") == {1: MOVE, 2: other}
    assert read_topic(kafka, Partition("journal", 0), 0, 0, 99) == []


def test_a_move_that_can_not_be_read_is_no_state() -> None:
    """Better a stop with a reason than a state of something else."""
    kafka = FakeKafka({"journal": 1})
    kafka.plain_writer().send([Record("journal", b"\xc1", b"layout/1", 0)])
    with pytest.raises(StateMismatch, match="a move in topic journal can't be read"):
        moves(kafka, Partition("journal", 0), "app")
