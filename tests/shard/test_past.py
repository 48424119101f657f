"""The past of a task: what it takes from old records, and what it leaves out."""

from __future__ import annotations

import msgspec
import pytest

from streamwatchd.batch import RawBatch
from streamwatchd.enrichment.table import PastTable
from streamwatchd.shard.output import TaskId
from streamwatchd.shard.past import Past
from tests.operators.bench import Bench, compiled
from tests.oracle.world import START_MS

TASK = TaskId(1, "m", 0)
OLD = "  - {alarm: old, by: host, when: avg(x over 60s) > 200}\n"
NEW = OLD + "  - {kpi: k, by: host, where: x > 1, every: 10s, over: 60s, values: {n: count()}}\n"


def past_of(bench: Bench, rules: str, devices: str = "host,role,weight\na,critical,2\n") -> Past:
    after = compiled(rules, {"devices": devices})
    assert after.program is not None
    past = bench.driver.shards[0].pasts(2**50, after.program, after.loaded.tables)[TASK]
    assert isinstance(past, Past)
    return past


def records(*rows: tuple[int, int]) -> RawBatch:
    """(event time, record timestamp) in seconds after the start."""
    payloads = [msgspec.json.encode({"ts": START_MS + at * 1000, "host": "a", "x": 5}) for at, _ in rows]
    stamps = [START_MS + stamp * 1000 if stamp >= 0 else -1 for _, stamp in rows]
    return RawBatch("m", 0, payloads, range(len(rows)), stamps)


@pytest.mark.parametrize(
    ("rows", "counted"),
    [
        ([(1, 1), (2, 2), (3, 3)], 3),
        ([(1, 1), (5, 5), (2, 6), (6, 6)], 3),  # late as it was then
        ([(1, 1), (900, 2), (3, 3)], 2),  # a stamp from the future was a dead letter then
        ([(850, -1), (900, -1), (901, -1)], 3),  # without timestamps nobody can say
    ],
)
def test_it_takes_in_what_was_taken_in_then(rows: list[tuple[int, int]], counted: int) -> None:
    """Late events and stamps beyond `max_future` stay out, by the watermark and the clock of that time."""
    past = past_of(Bench(OLD), NEW)
    for raw in (records(*rows),):
        past.step(raw)
    (family,) = past._listener.flow.families.values()
    assert sum(int(pane.count.sum()) for pane in family.finest.panes.values()) == counted


def test_it_serves_for_a_later_moment_as_long_as_the_same_is_lacking() -> None:
    """The task goes on meanwhile; other rules, or another table, ask for something else."""
    bench = Bench(OLD).series(range(100), host="a", x=5)
    past = past_of(bench, NEW)
    bench.series(range(100, 400), host="a", x=5)
    assert past.renew(past_of(bench, NEW))
    assert not past.renew(past_of(bench, NEW.replace("60s, values", "90s, values")))
    assert not past.renew(past_of(bench, OLD.replace("60s", "90s")))
    changed = Bench(OLD, tables={"devices": "host,role,weight\na,spare,1\n"})
    assert not past.renew(past_of(changed, NEW, "host,role,weight\na,spare,1\n"))


@pytest.mark.parametrize("replayed", [False, True])
def test_tasks_of_a_shard_share_the_rows_of_then(replayed: bool) -> None:
    """However many partitions are read once more; of large tables each copy would take hundreds of megabytes."""
    bench = Bench(OLD, partitions=3).series(range(100), host="a", x=5)
    bench.change(OLD, tables={"devices": "host,role,weight\na,spare,1\n"})
    after = compiled(NEW, {"devices": "host,role,weight\na,spare,1\n"})
    assert after.program is not None
    known = {TaskId(1, "m", number): -5 for number in range(3)} if replayed else {}
    pasts = bench.driver.shards[0].pasts(2**50, after.program, after.loaded.tables, known)
    found = [past._listener.dimensions.versions["devices"][0][1] for past in pasts.values()]
    assert len(found) == 3
    assert isinstance(found[0], PastTable)
    assert all(each is found[0] for each in found)
