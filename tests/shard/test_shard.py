"""A shard is a set of tasks: nothing depends on which tasks share it."""

from __future__ import annotations

import pytest

from streamwatchd.batch import RawBatch
from streamwatchd.packing import pack
from streamwatchd.shard.output import Mark, Sink, TaskId
from streamwatchd.shard.shard import Shard
from tests.operators.bench import Bench, compiled
from tests.oracle.world import START_MS

RULES = """\
  - {kpi: hosts, by: host, every: 10s, values: {n: count()}}
  - {kpi: sites, by: site, every: 10s, values: {n: count()}}
"""
PARTITIONS = {"m": 2, "other": 1}


def shard(tasks: list[TaskId], rules: str = RULES) -> Shard:
    project = compiled(rules)
    assert project.program is not None
    return Shard(project.program, project.loaded.tables, tasks, PARTITIONS, 2)


def batch(partition: int, *rows: tuple[int, str]) -> RawBatch:
    payloads = [f'{{"ts": {START_MS + at * 1000}, "host": "{host}", "site": "s"}}'.encode() for at, host in rows]
    return RawBatch("m", partition, payloads, range(len(rows)), [0] * len(rows))


def test_drain_gives_everything_once() -> None:
    """Outputs and what other tasks need to know."""
    one = shard([TaskId(1, "m", 0)])
    one.step(batch(0, (1, "a"), (30, "a")), 2**61)
    outputs, records = one.drain()
    assert [out.sink.value for out in outputs] == ["kpis"]
    assert {(record.stage, record.partition) for record in records} == {(2, 0), (2, 1)}
    assert one.drain() == ([], [])


def test_dead_letters_are_taken_packed_or_drained() -> None:
    """Once, and before what else their batch gave."""
    one = shard([TaskId(1, "m", 0)])
    good = batch(0, (1, "a"), (30, "a"))
    spoilt = RawBatch("m", 0, [*good.payloads, b"{", None], [4, 5, 7, 9], [0] * 4, [b"1", b"2", b"3", None])
    one.step(spoilt, 2**61)
    (packed,) = one.take_letters()
    assert (packed.keys, packed.payloads, packed.offsets) == ([b"3", None], [b"{", None], [7, 9])
    assert (packed.reasons, packed.partition) == (["bad_json", "empty"], 0)
    assert one.take_letters() == []
    assert [out.sink.value for out in one.drain()[0]] == ["kpis"]
    one.step(RawBatch("m", 0, [b"[", *batch(0, (60, "a")).payloads], [11, 12], [0] * 2), 2**61)
    letter, *others = one.drain()[0]
    assert (letter.sink, letter.key, letter.value, letter.partition) == (Sink.DEAD_LETTERS, None, b"[", 0)
    place = [("source", "m"), ("topic", "m"), ("partition", "0")]
    assert list(letter.headers) == [*place, ("offset", "11"), ("reason", "bad_json")]
    assert [out.sink.value for out in others] == ["kpis"]
    assert one.counters()["dead_letters", (("reason", "bad_json"), ("source", "m"))] == 2


def test_a_merge_task_waits_for_every_partition() -> None:
    """Also for one that has said nothing yet."""
    feeders = shard([TaskId(1, "m", 0), TaskId(1, "m", 1)])
    merger = shard([TaskId(2, "", 0), TaskId(2, "", 1)])
    told = []
    for step in (
        lambda: feeders.step(batch(0, (1, "a"), (30, "a")), 2**61),
        lambda: feeders.step(batch(1, (2, "b")), 2**61),
        lambda: feeders.mark(Mark(TaskId(1, "m", 1), -1, START_MS + 9_999)),
    ):
        step()
        for record in feeders.drain()[1]:
            merger.merge(record.stage, record.partition, [record.payload])
        told.append([out.value["values"] for out in merger.drain()[0] if isinstance(out.value, dict)])
    assert told == [[], [], [{"n": 2}]]


def test_where_a_merge_task_stood_without_what_it_was_told() -> None:
    """Records of the exchange may be gone: it judges what comes after them, as if it had heard them all."""
    feeder, merger = shard([TaskId(1, "m", 0), TaskId(1, "m", 1)]), shard([TaskId(2, "", 0), TaskId(2, "", 1)])
    for partition in (0, 1):
        feeder.step(batch(partition, (1, "a"), (12, "a")), 2**61)
        merger.mark(Mark(TaskId(2, "", partition), 0, START_MS + 11_999))
    assert set(merger.watermarks().values()) == {START_MS + 11_999}
    feeder.drain()
    for partition in (0, 1):
        feeder.step(batch(partition, (40, "a")), 2**61)
    for record in feeder.drain()[1]:
        merger.merge(record.stage, record.partition, [record.payload])
    rows = [out.value for out in merger.drain()[0] if isinstance(out.value, dict)]
    assert [(row["window"]["start"][17:19], row["values"]) for row in rows] == [("10", {"n": 2})]


def test_counters_add_up_over_tasks() -> None:
    """By source, and keys by `by`."""
    one = shard([TaskId(1, "m", 0), TaskId(1, "m", 1)])
    for partition in (0, 1):
        one.step(batch(partition, (1, "a"), (1, "b")), 2**61)
    found = one.counters()
    assert found["events", (("source", "m"),)] == 4
    assert found["keys", (("by", "host"), ("stage", "1"))] == 4


def test_bytes_of_state_are_told_by_rule() -> None:
    """About as many as a snapshot takes: twice the keys, twice the bytes."""
    sizes = []
    for keys in (1_000, 2_000):
        one = shard([TaskId(1, "m", 0)])
        one.step(batch(0, *((1, f"h{number}") for number in range(keys))), 2**61)
        found = one.state_bytes(one.snapshot())
        assert {dict(labels)["stage"] for labels in found} == {"1"}
        sizes.append(sum(found.values()))
    assert 1.9 < sizes[1] / sizes[0] < 2.1
    assert sizes[0] > 8 * 1_000


def test_bytes_of_state_are_about_those_of_a_snapshot() -> None:
    """Each rule's own: alarms, events that a sequence waits with, what is usual; and the keys."""
    rules = """\
  - {kpi: hosts, by: host, every: 10s, values: {n: count(), p: p99(x)}}
  - {alarm: busy, by: host, when: count(over 30m) > 0, partial: true}
  - {alarm: odd, by: host, when: avg(x over 10s) > usual(avg(x over 10s)) + 1, every: 1m}
  - {alarm: seen, by: host, when: host != ''}
  - {alarm: twice, by: host, sequence: ["host != ''", "host == 'nobody'"], within: 1h}
"""
    one = shard([TaskId(1, "m", 0)], rules)
    hosts = [f"host-{number}" for number in range(3_000)]
    for minute in (0, 15, 30, 45):
        one.step(batch(0, *((60 * minute, host) for host in hosts)), 2**61)
    states = one.snapshot()
    found = {(dict(labels)["kind"], dict(labels)["rule"]): size for labels, size in one.state_bytes(states).items()}
    packed = sum(len(pack(state)) for state in states.values())
    assert 0.5 < sum(found.values()) / packed < 2
    for rule in ("busy", "odd", "seen", "twice"):
        assert found["alarm", rule] > 4 * len(hosts), rule
    assert found["keys", ""] > 6 * len(hosts)


def test_nothing_seen_is_before_all_time() -> None:
    """A change can be set above it."""
    one = shard([TaskId(1, "m", 0)])
    assert one.max_event_time() < 0
    one.step(batch(0, (5, "a")), 2**61)
    assert one.max_event_time() == START_MS + 5_000


@pytest.mark.parametrize("rules", [RULES, "  - {kpi: hosts, by: host, every: 10s, values: {n: count()}}\n"])
def test_a_change_may_bring_and_end_stages(rules: str) -> None:
    """New tasks begin with the change; without work a merge task stays quiet."""
    one = shard([TaskId(1, "m", 0)], "  - {kpi: hosts, by: host, every: 10s, values: {n: count()}}\n")
    later = compiled(rules)
    assert later.program is not None
    one.switch(START_MS, later.program, later.loaded.tables, [TaskId(2, "", 0)])
    assert set(one.tasks) == {TaskId(1, "m", 0), TaskId(2, "", 0)}
    assert (TaskId(2, "", 0) in one.watermarks()) is bool(later.program.plan.later)
    one.step(batch(0, (1, "a"), (30, "a")), 2**61)
    for record in one.drain()[1]:
        if record.partition == 0:
            one.merge(2, 0, [record.payload])


def test_states_move_between_shards_whole() -> None:
    """Two tasks of one shard go on in two shards."""
    together = Bench(RULES, partitions=2).at(1, host="a", site="s").at(2, partition=1, host="b", site="s")
    states = together.driver.shards[0].snapshot()
    alone = shard([TaskId(1, "m", 1)])
    alone.restore({TaskId(1, "m", 1): states[TaskId(1, "m", 1)]})
    alone.step(batch(1, (3, "b"), (30, "b")), 2**61)
    assert [out.value["values"] for out in alone.drain()[0] if isinstance(out.value, dict)] == [{"n": 2}]
