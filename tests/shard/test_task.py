"""Source tasks: what is late, dropped, sampled, refused; watermarks; what survives a restart."""

from __future__ import annotations

import msgspec
import pytest

from streamwatchd.batch import RawBatch
from streamwatchd.errors import SnapshotCorrupt
from streamwatchd.shard.output import Sink, TaskId
from streamwatchd.testing.driver import Driver
from tests.operators.bench import DEVICES, Bench, compiled
from tests.oracle.world import START_MS

COUNTS = "  - {kpi: k, by: host, every: 10s, values: {n: count()}}\n"
NOW = START_MS + 3_600_000


def event(at: float, **fields: object) -> bytes:
    return msgspec.json.encode({"ts": START_MS + round(at * 1000)} | fields)


def driver(source: str, rules: str = COUNTS) -> Driver:
    project = compiled(rules, {"devices": DEVICES}, sources=f"m: {{topic: m, time: ts, {source}}}")
    assert project.program is not None
    return Driver(project.program, project.loaded.tables, {"m": 1}, now_ms=NOW)


def feed(target: Driver, *payloads: bytes | None) -> list[tuple[str, object]]:
    target.feed(RawBatch("m", 0, payloads, range(len(payloads)), [0] * len(payloads)))
    return [
        (out.sink.value, out.value if out.sink is Sink.KPIS else dict(out.headers)) for out in target.take_outputs()
    ]


@pytest.mark.parametrize("cut", [1, 2, 5])
def test_late_is_at_or_below_the_watermark_that_earlier_offsets_left(cut: int) -> None:
    """Whatever the batches: the fourth is 1 ms too late, the fifth in time; late events carry where and why."""
    bench = Bench(COUNTS)
    rows = [(float(at), {"host": "a"}) for at in (1, 5, 3)] + [(4.0, {"host": "a"}), (4.001, {"host": "a"})]
    for start in range(0, 5, cut):
        bench.feed(*rows[start : start + cut])
    late = bench.documents(Sink.LATE)
    assert [(each["offset"], each["time"], each["watermark"]) for each in late] == [
        ("2", "2026-01-05T00:00:03.000Z", "2026-01-05T00:00:04.000Z"),
        ("3", "2026-01-05T00:00:04.000Z", "2026-01-05T00:00:04.000Z"),
    ]
    assert bench.clock(10).rows() == ["0-10 k a n=3"]
    assert bench.driver.shards[0].counters()["late", (("source", "m"),)] == 2


def test_a_source_may_drop_what_is_late() -> None:
    """It is counted, and written nowhere; a rule that amends still takes it in."""
    target = driver("max_delay: 1s, key: host, late: drop", COUNTS.replace("values", "late: amend, values"))
    got = feed(target, event(1, host="a"), event(12, host="a"), event(3, host="a"), event(30, host="a"))
    assert {sink for sink, _ in got} == {"kpis"}
    assert [(row["events"], row["revision"]) for _, row in got if isinstance(row, dict)] == [(1, 0), (1, 0), (2, 1)]
    assert target.shards[0].counters()["late", (("source", "m"),)] == 1


def test_refused_records_go_to_the_dead_letters_as_they_came() -> None:
    """With reason, source, partition and offset; they move no watermark and cost no neighbour."""
    target = driver("max_delay: 1s, key: host, fields: {x: float}")
    got = feed(
        target,
        b"{",
        event(1, host="a"),
        None,
        event(2, host="a", x="many"),
        event(9_999_999, host="a"),
        event(3, host="a"),
    )
    assert [(headers["offset"], headers["reason"].split(":")[0]) for _, headers in got] == [  # type: ignore[index]
        ("0", "bad_json"), ("2", "empty"), ("3", "wrong_type"), ("4", "future_time"),
    ]  # fmt: skip
    assert target.watermarks()[TaskId(1, "m", 0)] == START_MS + 2_000


@pytest.mark.parametrize(
    ("source", "hosts"),
    [
        ("key: host, drop: kind == 'beat'", {"a", "c"}),
        ("key: host", {"a", "b", "c"}),
    ],
)
def test_drop_removes_only_what_is_true(source: str, hosts: set[str]) -> None:
    """A null condition keeps the event, and dropped ones move the watermark."""
    target = driver(source + ", max_delay: 0s")
    got = feed(
        target,
        event(1, host="a", kind="x"),
        event(2, host="b", kind="beat"),
        event(3, host="c"),
        event(11, host="z", kind="beat"),
    )
    assert {row["key"]["host"] for _, row in got} == hosts  # type: ignore[index]


def test_sampling_takes_whole_keys() -> None:
    """Deterministic by key: the same hosts every day, about as many as asked."""
    payloads = [event(at, host=f"h{n}") for at in (1, 2) for n in range(200)] + [event(20, host="end")]
    runs = [feed(driver("key: host, sample: 25%, max_delay: 1s"), *payloads) for _ in range(2)]
    assert runs[0] == runs[1]
    rows = [row for sink, row in runs[0] if sink == "kpis"]
    assert all(row["values"] == {"n": 2} for row in rows)  # type: ignore[index]
    assert 30 <= len(rows) <= 70


def test_required_tables_drop_unknown_keys() -> None:
    """`missing: drop` on the table."""
    tables = {"devices": f"missing: drop\n---\n{DEVICES}"}
    bench = Bench(COUNTS, tables=tables).at(1, host="a").at(2, host="stranger").clock(10)
    assert bench.rows() == ["0-10 k a n=1"]
    assert bench.driver.shards[0].counters()["dropped", (("source", "m"),)] == 1


def test_the_watermark_never_goes_back() -> None:
    """Not by records, not by marks."""
    bench = Bench(COUNTS).at(50, host="a")
    task = TaskId(1, "m", 0)
    assert bench.driver.watermarks()[task] == START_MS + 49_000
    assert bench.clock(10).driver.watermarks()[task] == START_MS + 49_000
    assert bench.clock(60).driver.watermarks()[task] == START_MS + 59_999


def test_a_torn_state_is_told_apart_from_a_bug() -> None:
    """The caller then takes an older snapshot."""
    shard = Bench(COUNTS).at(1, host="a").driver.shards[0]
    for picture in ([], None, {}, shard.snapshot()[TaskId(1, "m", 0)][:-1]):
        with pytest.raises(SnapshotCorrupt):
            Bench(COUNTS).driver.shards[0].restore({TaskId(1, "m", 0): picture})
