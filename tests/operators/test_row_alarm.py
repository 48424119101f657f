"""Alarms judged on rows: at once, in order of time, as occurrences; silence and forgetting between rows."""

from __future__ import annotations

import pytest

from streamwatchd.shard.output import Sink
from tests.operators.bench import Bench

DAY = 86_400


def hot(more: str = "", when: str = "x > 50%") -> str:
    return f"  - {{alarm: hot, by: host, when: {when!r}{', ' + more if more else ''}}}\n"


def test_a_state_lasts_until_the_keys_next_judged_event() -> None:
    """Raised by the first event that is true, cleared by the first that is false, in log order; null is neither."""
    bench = Bench(hot())
    rows = [(5.0, 60), (4.5, 70), (4.2, None), (4.8, 10), (6, 10), (7, 90)]
    bench.feed(*((at, {"host": "a", "x": x}) for at, x in rows))
    assert bench.alerts() == ["5 hot fired warning a", "4.8 hot resolved warning a cleared", "7 hot fired warning a"]


def test_in_order_waits_for_the_watermark() -> None:
    """The same events, judged by their times."""
    bench = Bench(hot("in_order: true"))
    bench.feed(*((at, {"host": "a", "x": x}) for at, x in [(5.0, 60), (4.5, 70), (4.8, 10), (6, 10)]))
    assert bench.alerts() == ["4.5 hot fired warning a", "4.8 hot resolved warning a cleared", "5 hot fired warning a"]
    assert bench.clock(6.5).alerts() == ["6 hot resolved warning a cleared"]


@pytest.mark.parametrize("cut", [1, 2, 3, 7])
def test_many_rows_of_one_key_in_one_batch(cut: int) -> None:
    """Each is judged in turn, holds included, however the batches fall."""
    bench = Bench("  - {alarm: hot, by: host, when: x > 50% for 2s until x < 20% for 1s}\n")
    series = [90, 90, 90, 30, 10, 10, 90, 10, 90, 90, 90]
    rows = [(float(at), {"host": host, "x": x}) for at, x in enumerate(series) for host in ("a", "b")]
    for start in range(0, len(rows), cut):
        bench.feed(*rows[start : start + cut])
    told = ["0 hot pending warning a", "2 hot fired warning a", "5 hot resolved warning a cleared",
            "6 hot pending warning a", "7 hot resolved warning a not_held", "8 hot pending warning a",
            "10 hot fired warning a"]  # fmt: skip
    assert [alert for alert in bench.clock(11).alerts() if alert.endswith(("a", "a cleared", "a not_held"))] == told


def test_without_by_each_true_event_is_an_occurrence() -> None:
    """It fires and no more, with an id of its own that says where the record lies."""
    bench = Bench("  - {alarm: seen, when: kind == 'crash', severity: critical}\n")
    bench.feed((1, {"kind": "crash"}), (1, {"kind": "crash"}), (2, {"kind": "other"}), (3, {}))
    one, two = bench.documents(Sink.ALERTS)
    assert [one["event"], one["key"], one["ends_at"], one["seq"]] == ["fired", {}, None, 1]
    assert one["id"] != two["id"]
    assert one["evidence"] == {"topic": "m", "partition": 0, "offset": 0}


def test_by_without_the_partition_key_is_judged_in_order_over_partitions() -> None:
    """Rows travel to where their key is, and are judged when every partition has passed them."""
    rules = "  - {alarm: site_hot, by: site, when: x > 50%}\n"
    bench = Bench(rules, partitions=2).at(5, host="a", site="s", x=10).at(4, partition=1, host="b", site="s", x=90)
    assert bench.alerts() == []
    assert bench.clock(6).alerts() == ["4 site_hot fired warning s", "5 site_hot resolved warning s cleared"]


@pytest.mark.parametrize(
    ("action", "told"),
    [
        ("alert after 30s", ["40 hot no_data warning a"]),
        ("resolve after 30s", ["40 hot resolved warning a no_data"]),
    ],
)
def test_silence_is_told_at_its_own_instant(action: str, told: list[str]) -> None:
    """At the first multiple of `every` with no event for so long, when the watermark says so."""
    bench = Bench(hot(f"no_data: {action}, every: 10s")).at(1, host="a", x=90)
    assert bench.alerts() == ["1 hot fired warning a"]
    assert bench.clock(39).alerts() == []
    assert bench.clock(60).alerts() == told


def test_silence_that_a_later_row_reveals_comes_before_it() -> None:
    """The same story whether the rows come in one batch or two."""
    told = ["1 hot fired warning a", "40 hot no_data warning a", "100 hot resolved warning a cleared"]
    rows = [(1.0, {"host": "a", "x": 90}), (100.0, {"host": "a", "x": 1})]
    together = Bench(hot("no_data: alert after 30s, every: 10s")).feed(*rows)
    apart = Bench(hot("no_data: alert after 30s, every: 10s")).feed(rows[0]).feed(rows[1])
    assert together.alerts() == apart.alerts() == told


def test_forgotten_keys_resolve() -> None:
    """After a day without an event, by the clock or by the row that shows it."""
    bench = Bench(hot()).at(1, host="a", x=90)
    forgotten = f"{DAY + 1}.001 hot resolved warning a forgotten"
    assert bench.clock(DAY + 100).alerts() == ["1 hot fired warning a", forgotten]
    bench = Bench(hot()).feed((1, {"host": "a", "x": 90}), (2 * DAY, {"host": "a", "x": 90}))
    assert bench.alerts() == [
        "1 hot fired warning a",
        forgotten,
        f"{2 * DAY} hot fired warning a",
    ]


def test_levels_and_where_on_rows() -> None:
    """Rows outside `where` are not judged: they clear nothing."""
    rules = """\
  - alarm: hot
    by: host
    where: role == "critical" and kind == "cpu"
    levels: {critical: x > 90%, warning: x > 50%}
"""
    bench = Bench(rules)
    rows = [("a", "cpu", 60), ("a", "mem", 1), ("a", "cpu", 95), ("b", "cpu", 99), ("a", "cpu", 1)]
    bench.feed(*((float(at), {"host": h, "kind": k, "x": x}) for at, (h, k, x) in enumerate(rows)))
    assert bench.alerts() == [
        "0 hot fired warning a",
        "2 hot escalated critical a",
        "4 hot resolved critical a cleared",
    ]


def test_alarms_survive_a_restart() -> None:
    """What fires, what holds, rows that wait for the watermark, and since when keys are silent."""
    rules = hot("no_data: alert after 30s, every: 10s") + (
        "  - {alarm: held, by: host, when: x > 50% for 5s}\n  - {alarm: ordered, by: site, when: x > 50%}\n"
    )
    bench, calm = (Bench(rules).feed((1, {"host": "a", "site": "s", "x": 90})) for _ in range(2))
    bench.restart()
    for each in (bench, calm):
        each.at(7, host="a", site="s", x=90).clock(100)
    assert bench.documents(Sink.ALERTS) == calm.documents(Sink.ALERTS)


def test_values_are_a_rules_own() -> None:
    """Two rules on one source may give the same name to different things."""
    one = "  - {alarm: one, by: host, values: {v: x}, when: v > 50%, message: 'one {v}'}\n"
    two = "  - {alarm: two, by: host, values: {v: n}, when: v > 5, message: 'two {v}'}\n"
    bench = Bench(one + two).at(1, host="a", x=80, n=1).at(2, host="b", x=1, n=8)
    assert [alert["message"] for alert in bench.documents(Sink.ALERTS)] == ["one 80%", "two 8"]


def test_silence_up_to_a_row_comes_before_it_in_one_batch_too() -> None:
    """In order of time: whether the log's watermark had passed the instant when the row came does not matter."""
    rule = "  - {alarm: a, by: host, every: 1s, no_data: alert after 4s, when: x > 50% for 2s}\n"
    events = [(at, {"host": "a", "x": x}) for at, x in ((6, 91), (7.85, 60), (12, 1), (14, 1))]
    at_once, one_by_one = Bench(rule).feed(*events), Bench(rule)
    for event in events:
        one_by_one.feed(event)
    wanted = ["6 a pending warning a", "12 a no_data warning a", "12 a resolved warning a cleared"]
    assert (at_once.alerts(), one_by_one.alerts()) == (wanted, wanted)


def test_silence_is_told_of_rules_that_differ_in_a_constant_of_their_values() -> None:
    """What silence tells has no row, but the constants are the rule's own."""
    rule = "  - {{alarm: {0}, by: host, every: 10s, values: {{v: 'x * {1} + coalesce(n, {1})'}}, when: v > 300, "
    rule += "no_data: alert after 20s}}\n"
    bench = Bench(rule.format("one", 2) + rule.format("two", 3)).at(1, host="a", x=90).clock(40)
    assert bench.alerts() == ["30 one no_data warning a", "30 two no_data warning a"]
