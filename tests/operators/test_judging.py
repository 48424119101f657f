"""Aggregates as columns over the keys of a rule."""

from __future__ import annotations

from tests.operators.bench import Bench


def test_keys_of_the_rule_find_their_fewer_keys() -> None:
    """Each row sees the total of its own group, for keys that come later too."""
    rules = """\
  - kpi: share
    by: [host, site]
    every: 10s
    values: {mine: sum(x), all: sum(x by host), part: mine / all}
"""
    bench = Bench(rules).feed((1, {"host": "a", "site": "s", "x": 1}), (2, {"host": "a", "site": "t", "x": 3}))
    assert bench.clock(10).rows() == [
        "0-10 share a,s mine=1 all=4 part=0.25",
        "0-10 share a,t mine=3 all=4 part=0.75",
    ]
    bench.feed((11, {"host": "b", "site": "u", "x": 2}), (12, {"host": "a", "site": "u", "x": 6}))
    assert sorted(bench.clock(20).rows()) == [
        "10-20 share a,u mine=6 all=6 part=1",
        "10-20 share b,u mine=2 all=2 part=1",
    ]


def test_rows_without_the_other_keys_enter_no_group() -> None:
    """A group is the sum of the rule's keys: a row with a null among them is none of its."""
    rules = "  - {kpi: share, by: [host, site], every: 10s, values: {all: sum(x by host)}}\n"
    bench = Bench(rules).feed((1, {"host": "a", "site": "s", "x": 1}), (2, {"host": "a", "x": 3})).clock(10)
    assert bench.rows() == ["0-10 share a,s all=1"]


def test_values_read_the_ones_before_them() -> None:
    """In the order in which they stand."""
    rules = "  - {kpi: k, by: host, every: 10s, values: {a: sum(x), b: a + 1, c: b * 2}}\n"
    assert Bench(rules).at(1, host="a", x=4).clock(10).rows() == ["0-10 k a a=4 b=5 c=10"]


def test_texts_and_truths_are_values_too() -> None:
    """For keys whose windows are empty they are null."""
    rules = (
        "  - {alarm: k, by: host, when: \"last(kind over 10s) == 'cpu' and first(ok over 10s)\", partial: true}\n"
        "  - {alarm: none, by: host, when: last(kind over 10s) is null, partial: true}\n"
    )
    bench = Bench(rules).at(1, host="a", kind="cpu", ok=True).at(12, host="b", kind="mem").clock(20)
    assert bench.alerts() == ["10 k fired warning a", "20 none fired warning a"]
