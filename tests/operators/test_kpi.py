"""KPI rows: one per key and window that holds an event."""

from __future__ import annotations

import pytest

from streamwatchd.shard.output import Sink
from tests.operators.bench import Bench


def kpi(more: str, values: str = "n: count(), a: avg(x)") -> str:
    return f"  - {{kpi: k, {more}, values: {{{values}}}}}\n"


def test_tumbling_windows() -> None:
    """Rows come when the watermark is past the end, for keys with events, the first window too."""
    bench = Bench(kpi("by: host, every: 10s")).at(3, host="a", x=10).at(9.999, host="a", x=20).at(10, host="b", x=4)
    assert bench.rows() == []
    assert bench.clock(20).rows() == ["0-10 k a n=2 a=15", "10-20 k b n=1 a=4"]
    assert bench.clock(500).rows() == []


def test_sliding_windows_slide_out_too() -> None:
    """`over` is the length and `every` the step; a window is given out as long as it holds an event."""
    bench = Bench(kpi("by: host, over: 30s, every: 10s")).at(12, host="a", x=6).clock(100)
    assert bench.rows() == ["-10-20 k a n=1 a=6", "0-30 k a n=1 a=6", "10-40 k a n=1 a=6"]


def test_after_a_gap_windows_go_on() -> None:
    """Empty stretches are skipped, whatever their length."""
    bench = Bench(kpi("by: host, every: 10s")).at(1, host="a", x=1).at(86_400 * 30 + 5, host="a", x=2)
    day = 86_400 * 30
    assert bench.clock(day + 10).rows() == ["0-10 k a n=1 a=1", f"{day}-{day + 10} k a n=1 a=2"]


def test_without_by_there_is_one_row() -> None:
    """Over all partitions, once all of them have passed the end."""
    bench = Bench(kpi("every: 10s"), partitions=2).at(1, host="a", x=1).at(2, partition=1, host="b", x=3)
    bench.at(30, host="a", x=1)
    assert bench.rows() == []
    bench.at(31, partition=1, host="b", x=1)
    assert bench.rows() == ["0-10 k n=2 a=2"]


def test_null_keys_are_counted_and_enter_nothing() -> None:
    """An event without a value of `by` belongs to no key."""
    bench = Bench(kpi("by: [host, site], every: 10s", "n: count()"))
    bench.feed((1, {"host": "a", "site": None}), (1, {"host": "a", "site": "s"}), (1, {"host": "a"})).clock(10)
    assert bench.rows() == ["0-10 k a,s n=1"]
    assert bench.driver.shards[0].counters()["unkeyed", (("source", "m"),)] == 2


@pytest.mark.parametrize(
    ("values", "row"),
    [
        ("v: sum(x)", "v=6"),
        ("v: sum(x where x > 2)", "v=3"),
        ("v: sum(x where x > 9)", "v=0"),
        ("v: avg(x where x > 9)", "v=None"),
        ("v: count(x)", "v=3"),
        ("v: count()", "v=4"),
        ("v: ratio(x >= 2)", "v=0.666667"),
        ("v: 'first(kind)'", "v=p"),
        ("v: 'last(ok)'", "v=False"),
        ("v: distinct(kind)", "v=2"),
        ("v: max(x) - min(x)", "v=2"),
        ("a: sum(x), b: a * 2", "a=6 b=12"),
        ("v: 'coalesce(avg(x where x > 9), 7)'", "v=7"),
        ("v: sum(x) / count(where x > 9)", "v=None"),
    ],
)
def test_values_ignore_nulls(values: str, row: str) -> None:
    """Aggregates leave nulls out; a division by zero has no value."""
    bench = Bench(kpi("by: host, every: 10s", values))
    for at, event in enumerate(({"x": 1, "kind": "p"}, {"x": 2, "kind": "q"}, {"x": 3, "ok": False}, {"x": None})):
        bench.at(at, host="a", **event)
    assert bench.clock(10).rows() == [f"0-10 k a {row}"]


def test_when_filters_what_goes_out_not_what_rules_read() -> None:
    """A rule on the KPI sees every row."""
    rules = kpi("by: host, every: 10s, when: a > 50%") + "  - {alarm: low, source: k, by: host, when: a < 20%}\n"
    bench = Bench(rules).at(1, host="a", x=10).at(2, host="b", x=90).clock(10)
    assert bench.rows() == ["0-10 k b n=1 a=90"]
    assert bench.alerts() == ["9.999 low fired warning a"]


def test_kpis_that_differ_in_an_equality_have_each_their_rows() -> None:
    """Judged together; also two that say the same, and none for other values of the field."""
    each = "  - {{kpi: {}, where: kind == '{}', by: host, every: 10s, values: {{n: count(), a: max(x)}}}}\n"
    rules = "".join(each.format(*named) for named in (("p", "u"), ("q", "v"), ("r", "u"))) + (
        "  - {alarm: many, source: q, by: host, when: n > 1}\n"
        "  - {kpi: wide, source: p, every: 20s, values: {n: sum(n)}}\n"
    )
    bench = Bench(rules)
    for at, kind in ((1, "u"), (2, "v"), (3, "v"), (4, "w"), (5, "u")):
        bench.at(at, host="a", x=at, kind=kind).at(at, host="b", x=10 * at, kind="v")
    assert sorted(bench.clock(20).rows()) == [
        "0-10 p a n=2 a=5",
        "0-10 q a n=2 a=3",
        "0-10 q b n=5 a=50",
        "0-10 r a n=2 a=5",
        "0-20 wide n=2",
    ]
    assert bench.alerts() == ["9.999 many fired warning a", "9.999 many fired warning b"]


def test_a_kpi_that_joins_others_of_its_shape_begins_alone() -> None:
    """And leaves the others as they were, in the middle of a window; so does one that goes."""
    each = "  - {{kpi: {}, where: kind == '{}', by: host, over: 20s, every: 10s, values: {{n: count()}}}}\n"
    first, both = each.format("p", "u"), each.format("p", "u") + each.format("q", "v")

    def rows(*rules: str) -> list[str]:
        bench = Bench(rules[0])
        for number, text in enumerate(rules):
            if number:
                bench.change(text)
            for at in range(number * 14, number * 14 + 14, 3):
                bench.at(at, host="a", x=1, kind="u").at(at, host="a", x=1, kind="v")
        return [row for row in bench.clock(60).rows() if " p " in row]

    assert rows(first, both, first) == rows(first, first, first)


def test_rows_carry_the_labels_of_their_rule() -> None:
    """Its own and those of the file."""
    bench = Bench("source: m\nlabels: {team: noc}\nrules:\n" + kpi("by: host, every: 10s, labels: {tier: gold}"))
    (row,) = bench.at(1, host="a", x=1).clock(10).documents(Sink.KPIS)
    assert row["labels"] == {"team": "noc", "tier": "gold"}


def test_a_kpi_is_a_source_of_kpis() -> None:
    """Rows have the event time just before their window's end, so they belong to the wider window of the same end."""
    rules = kpi("by: host, every: 10s", "n: count()") + (
        "  - {kpi: wide, source: k, by: host, every: 30s, values: {rows: count(), top: max(n)}}\n"
    )
    bench = Bench(rules).series([1, 2, 11, 29], host="a", x=1).clock(30)
    assert [row for row in bench.rows() if "wide" in row] == ["0-30 wide a rows=3 top=2"]


def test_sums_are_exact_in_any_order() -> None:
    """Equal to the correctly rounded sum, whatever the batches; large values hide no small ones."""
    values = [1e16, 1.0, -1e16, 0.1] * 3
    for order in (values, values[::-1], sorted(values)):
        bench = Bench(kpi("by: host, every: 10s", "v: sum(x)"))
        bench.feed(*((i / 10, {"host": "a", "x": value}) for i, value in enumerate(order))).clock(10)
        assert [row["values"] for row in bench.documents(Sink.KPIS)] == [{"v": 3.3}]


def test_a_row_carries_context_and_count() -> None:
    """Columns of the key's table row, the number of events, the first revision."""
    rules = "  - {kpi: k, by: host, every: 10s, values: {a: avg(x)}}\n"
    (row,) = Bench(rules).series([1, 2], host="a", x=1).clock(10).documents(Sink.KPIS)
    assert (row["events"], row["revision"], row["context"]) == (2, 0, {"role": "critical", "weight": 2.0})
