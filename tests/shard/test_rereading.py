"""Reading once more, lane by lane, to where the tasks stand."""

from __future__ import annotations

from streamwatchd.ports.fake_kafka import FakeKafka
from streamwatchd.ports.kafka import Partition, Record
from streamwatchd.shard.output import TaskId
from streamwatchd.shard.rereading import Lane, Rereading, reread
from streamwatchd.shard.stretch import Stretch
from tests.shard.small import START_MS, SmallPast, World

TASKS = [TaskId(1, "in", 0), TaskId(1, "in", 1)]
PARTITIONS = {task: Partition("in", task.partition) for task in TASKS}


def world(count: int = 20) -> World:
    made = World()
    made.feed(count, stamped=True)
    return made


def reading(kafka: FakeKafka, start: int = 0, from_ms: int | None = 0) -> tuple[Rereading, list[SmallPast]]:
    pasts = [SmallPast(), SmallPast()]
    lanes = {task: Lane(PARTITIONS[task], past, start, from_ms, start) for task, past in zip(TASKS, pasts, strict=True)}
    return Rereading(kafka.reader(), lanes, max_future_ms=7), pasts


def test_it_stops_where_each_task_stands_and_goes_on_as_they_do() -> None:
    """In slices of any size; what came beyond is kept for later."""
    found, pasts = reading(world().kafka)
    ends = dict(zip(TASKS, (3, 7), strict=True))
    assert found.left(ends) == 10
    while found.left(ends):
        found.step(ends, 4, 0.0)
    assert [len(past.times) for past in pasts] == [3, 7]
    ends = dict.fromkeys(TASKS, 9)
    found.finish(ends, lambda: None)
    assert [len(past.times) for past in pasts] == [9, 9]
    assert found.records == 18


def test_what_was_promised_comes_from_the_first_record_where_retention_has_been() -> None:
    """Nothing that was there before it was stamped later than its timestamp allows."""
    made = world()
    found, _ = reading(made.kafka, start=4, from_ms=None)
    found.finish(dict.fromkeys(TASKS, 10), lambda: None)
    assert [from_ms for _, from_ms in found.filled().values()] == [START_MS + 80 + 7, START_MS + 90 + 7]


def test_without_timestamps_nothing_is_promised() -> None:
    """Then nobody knows what is gone."""
    made = World(partitions=1)
    made.kafka.plain_writer().send([Record("in", b'{"t": 1, "k": "a"}', partition=0, timestamp_ms=-1)])
    past = SmallPast()
    found = Rereading(made.kafka.reader(), {TASKS[0]: Lane(Partition("in", 0), past, 0, None, 0)}, 7)
    found.finish({TASKS[0]: 1}, lambda: None)
    assert past.times == [1]
    assert found.filled() == {}
    assert found.stretches({TASKS[0]: 1}) == ()


def test_a_journalled_stretch_is_read_as_it_was() -> None:
    """Of tasks that have no past to fill any more nothing is read."""
    made = world()
    past = SmallPast()
    stretches = [Stretch(task, 2, 6, 99, 0) for task in TASKS]
    filled = reread(made.kafka.reader(), stretches, {TASKS[0]: past}, PARTITIONS, 0, lambda: None)
    assert filled == {TASKS[0]: (past, 99)}
    assert [time - START_MS for time in past.times] == [40, 60, 80, 100]
    assert reread(made.kafka.reader(), stretches, {}, PARTITIONS, 0, lambda: None) == {}


def test_a_log_that_ends_with_control_markers_is_read_to_its_end() -> None:
    """Their offsets give no record."""
    made = world(4)
    writer = made.kafka.writer("other")
    writer.begin()
    writer.send([Record("in", b'{"t": 1, "k": "a"}', partition=0)])
    writer.abort(1.0)
    found, pasts = reading(made.kafka)
    end = made.kafka.admin().end_offsets([Partition("in", 0)])[Partition("in", 0)]
    assert end > 2
    found.finish({TASKS[0]: end, TASKS[1]: 2}, lambda: None)
    assert [len(past.times) for past in pasts] == [2, 2]
