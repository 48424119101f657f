"""What only the fake can do: kills and lost answers at the n-th call. Its promises are in tests/contracts."""

from __future__ import annotations

import pytest

from streamwatchd.errors import Fenced, StateMismatch, Unavailable
from streamwatchd.ports.clock import ManualClock
from streamwatchd.ports.fake_kafka import Delayed, Doubled, FakeKafka
from streamwatchd.ports.faults import Killed
from streamwatchd.ports.kafka import Committed, Outcome, Partition, Record

P0 = Partition("t", 0)
OFFSETS = {P0: Committed(1, "e=1")}


def epoch(kafka: FakeKafka) -> Outcome:
    """One transaction with one record and positions."""
    writer = kafka.writer("w")
    writer.begin()
    writer.send([Record("t", b"x", partition=0)])
    writer.send_offsets("g", OFFSETS)
    return writer.commit(1.0)


def settled(kafka: FakeKafka) -> tuple[int, bool]:
    """(records, are the positions there), after the next owner has opened its writer."""
    kafka.writer("w")
    return len(kafka.records("t")), kafka.admin().committed("g", [P0])[P0] is not None


def test_a_kill_at_every_point_leaves_all_or_nothing() -> None:
    """Records and positions stand or fall together."""
    clean = FakeKafka({"t": 1})
    epoch(clean)
    points = list(clean.faults.trace)
    for n, point in enumerate(points, 1):
        kafka = FakeKafka({"t": 1})
        kafka.faults.at(n, Killed)
        with pytest.raises(Killed):
            epoch(kafka)
        assert settled(kafka) == ((1, True) if point == "kafka.commit.done" else (0, False)), point


@pytest.mark.parametrize(("point", "kept"), [("kafka.commit", 0), ("kafka.commit.done", 1)])
def test_a_lost_request_or_answer_leaves_the_outcome_unknown(point: str, kept: int) -> None:
    """Rebuilding settles it, and the positions tell which it was."""
    kafka = FakeKafka({"t": 1})
    kafka.faults.at(1, lambda: Unavailable("lost"), point=point)
    assert epoch(kafka) is Outcome.UNKNOWN
    assert settled(kafka) == (kept, bool(kept))


def test_a_delayed_commit_is_harmless_after_a_rebuild_and_only_then() -> None:
    """The late copy would end the next transaction of the same producer epoch."""
    kafka = FakeKafka({"t": 1})
    kafka.faults.at(1, lambda: Doubled("twice"), point="kafka.commit.done")
    writer = kafka.writer("w")
    writer.begin()
    writer.send([Record("t", b"first", partition=0)])
    assert writer.commit(1.0) is Outcome.COMMITTED
    assert writer.doubtful
    writer.rebuild()
    writer.begin()
    writer.send([Record("t", b"second", partition=0)])
    kafka.deliver()
    assert len(kafka.records("t")) == 1
    assert writer.commit(1.0) is Outcome.COMMITTED
    assert len(kafka.records("t")) == 2


def test_a_commit_that_arrives_late_counts_unless_it_was_settled_before() -> None:
    """Between the two instants the outcome is open, and it is one of the two in the end."""
    for late, kept in [(False, 1), (True, 0)]:
        kafka = FakeKafka({"t": 1})
        kafka.faults.at(1, lambda: Delayed("slow"), point="kafka.commit")
        assert epoch(kafka) is Outcome.UNKNOWN
        if not late:
            kafka.deliver()
        assert settled(kafka) == (kept, bool(kept))
        kafka.deliver()
        assert settled(kafka) == (kept, bool(kept))


def test_a_suspended_owner_is_not_fenced_but_in_doubt() -> None:
    """The broker's time-out aborts its transaction; nobody else has the id, so it may go on after a rebuild."""
    clock = ManualClock()
    kafka = FakeKafka({"t": 1}, clock=clock)
    writer = kafka.writer("w")
    writer.begin()
    writer.send([Record("t", b"x", partition=0)])
    clock.advance(20_000)
    assert writer.commit(1.0) is Outcome.UNKNOWN
    writer.rebuild()
    writer.begin()
    writer.send([Record("t", b"y", partition=0)])
    assert writer.commit(1.0) is Outcome.COMMITTED
    assert [record.value for record in kafka.records("t")] == [b"y"]


def test_a_fence_is_heard_at_every_step() -> None:
    """Sending, sending offsets, committing and aborting."""
    kafka = FakeKafka({"t": 1})
    zombie = kafka.writer("w")
    zombie.begin()
    kafka.writer("w")
    with pytest.raises(Fenced):
        zombie.send([Record("t", b"x", partition=0)])
    with pytest.raises(Fenced):
        zombie.send_offsets("g", OFFSETS)
    with pytest.raises(Fenced):
        zombie.commit(1.0)
    with pytest.raises(Fenced):
        zombie.abort(1.0)


def test_while_it_is_down_nothing_answers() -> None:
    """And afterwards all is as before."""
    kafka = FakeKafka({"t": 1})
    reader = kafka.reader()
    reader.assign({P0: 0})
    kafka.down = True
    with pytest.raises(Unavailable):
        reader.take(1, 0.0)
    with pytest.raises(Unavailable):
        kafka.writer("w")
    kafka.down = False
    kafka.plain_writer().send([Record("t", b"x", partition=0)])
    assert len(reader.take(1, 0.0)) == 1


def test_an_empty_take_waits_on_the_clock() -> None:
    """So that a loop on a manual clock gets on."""
    clock = ManualClock()
    kafka = FakeKafka({"t": 1}, clock=clock)
    reader = kafka.reader()
    reader.assign({P0: 0})
    assert reader.take(1, 0.5).at_end == {P0}
    assert clock.monotonic() == 0.5


def test_retention_moves_the_beginning() -> None:
    """A position before it is a mismatch."""
    kafka = FakeKafka({"t": 1})
    kafka.plain_writer().send([Record("t", b"x", partition=0)] * 3)
    kafka.broker.log(P0).delete_before(2)
    assert kafka.admin().beginning_offsets([P0]) == {P0: 2}
    reader = kafka.reader()
    reader.assign({P0: 1})
    with pytest.raises(StateMismatch):
        reader.take(1, 0.0)
    reader.assign({P0: 2})
    assert list(reader.take(9, 0.0).batches[0].offsets) == [2]
