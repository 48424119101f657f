"""Budgets of notifications: what folds, what stands for it, and that it lasts over restarts and edits."""

from __future__ import annotations

from typing import Any

import pytest

from streamwatchd.operators.storm import told_apart
from streamwatchd.shard.output import Sink
from tests.operators.bench import Bench
from tests.published import misfits

HOT = "  - {{alarm: hot, by: host, when: {when!r}, max_active: {most}{more}}}\n"
WINDOWED = "avg(x over 10s) > 50%"


def rule(when: str = WINDOWED, most: int = 2, more: str = ", partial: true") -> str:
    return HOT.format(when=when, most=most, more=more)


def told(bench: Bench) -> list[tuple[Any, ...]]:
    """Event, key, muted, how many are folded."""
    return [
        (each["event"], each["key"].get("host"), each["muted_by"], each["values"].get("folded"))
        for each in bench.documents(Sink.ALERTS)
    ]


def flood(bench: Bench, hosts: str, at: float, x: float) -> Bench:
    return bench.feed(*((at, {"host": host, "x": x}) for host in hosts))


@pytest.mark.parametrize("restart", [False, True])
def test_alarms_past_max_active_fold_into_one_storm(restart: bool) -> None:
    """By key at one T; each is written, muted; the storm is over with the last of them, and an alarm that fires
    meanwhile in a place that is free again notifies."""
    bench = Bench(rule())
    flood(bench, "edcba", 1, 90).clock(12)
    fired = [("fired", host, None, None) for host in "ab"] + [("fired", host, "storm", None) for host in "cde"]
    documents = bench.documents(Sink.ALERTS)
    assert [(d["event"], d["key"].get("host"), d["muted_by"], d["values"].get("folded")) for d in documents] == [
        *fired,
        ("storm", None, None, 3),
    ]
    assert misfits("alert", documents) == []
    storm = documents[-1]
    assert (storm["rule"], storm["severity"], storm["key"], storm["context"]["keys"]) == (
        "hot",
        "warning",
        {},
        "c, d, e",
    )
    assert storm["evidence"] == {"topic": "m", "partition": 0}
    assert storm["message"].endswith("c, d, e: written, muted by this storm (of m[0] alone)")
    if restart:
        bench.restart()
    flood(bench, "a", 13, 0)
    flood(bench, "bcde", 13, 90).clock(22)
    assert told(bench) == [("resolved", "a", None, None)]
    flood(bench, "cde", 23, 0)
    flood(bench, "bf", 23, 90).clock(32)
    after = bench.documents(Sink.ALERTS)
    assert [(d["event"], d["key"].get("host"), d["muted_by"]) for d in after] == [
        *[("resolved", host, "storm") for host in "cde"],
        ("fired", "f", None),
        ("resolved", None, None),
    ]
    assert (after[-1]["id"], after[-1]["seq"], after[-1]["values"]) == (storm["id"], 2, {"folded": 3})


@pytest.mark.parametrize(("by", "topic"), [("host", "m"), ("site", "exchange.2")])
def test_storms_of_one_rule_are_told_apart(by: str, topic: str) -> None:
    """By the task that each is in: a partition of the source, or of the exchange where keys cross partitions."""
    bench = Bench(rule(most=1).replace("by: host", f"by: {by}"), partitions=2)
    for partition in (0, 1):
        for number in range(8):
            fields = {"host": f"h{partition}{number}", "site": f"s{number}", "x": 90}
            bench.feed((1, fields), partition=partition)
    storms = [each for each in bench.clock(40).documents(Sink.ALERTS) if each["event"] == "storm"]
    places = {(each["evidence"]["topic"], each["evidence"]["partition"]) for each in storms}
    assert places == {(topic, 0), (topic, 1)}
    assert len({each["id"] for each in storms}) == 2
    assert misfits("alert", storms) == []


def test_a_storm_that_grows_says_so_when_it_has_doubled() -> None:
    """Not at each alarm: 1, 2, 4, … ."""
    bench = Bench(rule("x > 50%", 1, ""))
    flood(bench, "abcdefghij", 1, 90)
    assert [folded for *_, folded in told(bench) if folded] == [1, 2, 4, 8]


@pytest.mark.parametrize("cut", [1, 3, 100])
@pytest.mark.parametrize("in_order", ["", ", in_order: true"])
def test_batches_do_not_matter(cut: int, in_order: str) -> None:
    """Which alarm folds follows from the log, silence and forgetting between its rows included."""
    bench = Bench(rule("x > 50%", 1, ", every: 2s, no_data: alert after 4s" + in_order))
    hosts = ["a", "b", "c", "d", "b", "a", "d", "c", "a", "b", "d", "c"]
    rows = [(1.0 + 0.7 * n, {"host": host, "x": 90 if n % 3 else 10}) for n, host in enumerate(hosts)]
    rows += [(14.0, {"host": "z", "x": 1}), (15.0, {"host": "b", "x": 90}), (30.0, {"host": "z", "x": 1})]
    for start in range(0, len(rows), cut):
        bench.feed(*rows[start : start + cut])
    whole = Bench(rule("x > 50%", 1, ", every: 2s, no_data: alert after 4s" + in_order)).feed(*rows)
    left, right = (sorted(map(repr, told(each.clock(31)))) for each in (bench, whole))
    assert left == right
    assert any("'storm'" in each for each in left)


@pytest.mark.parametrize("restart", [False, True])
def test_a_storm_goes_on_through_an_edit(restart: bool) -> None:
    """The alarms stay folded under another text; a rule that is taken out takes its storm with it."""
    bench = Bench(rule(more=', partial: true, message: "old"'))
    flood(bench, "abc", 1, 90).clock(12)
    storm = bench.documents(Sink.ALERTS)[-1]
    bench.change(rule(more=', partial: true, message: "new"'))
    if restart:
        bench.restart()
    flood(bench, "abc", 13, 90).clock(30)
    flood(bench, "ab", 31, 90)
    flood(bench, "c", 31, 1).clock(42)
    after = bench.documents(Sink.ALERTS)
    assert [(d["event"], d["key"].get("host"), d["muted_by"]) for d in after][-2:] == [
        ("resolved", "c", "storm"),
        ("resolved", None, None),
    ]
    assert after[-1]["id"] == storm["id"]


def test_a_rule_that_goes_takes_its_storm_along() -> None:
    """Both resolve at the change."""
    bench = Bench(rule())
    flood(bench, "abc", 1, 90).clock(12)
    bench.documents(Sink.ALERTS)
    bench.change("  - {kpi: k, by: host, every: 10s, values: {n: count()}}\n")
    flood(bench, "abc", 30, 90).clock(40)
    assert [event for event, *_ in told(bench)] == ["resolved"] * 4


@pytest.mark.parametrize("restart", [False, True])
def test_occurrences_past_the_limit_are_muted(restart: bool) -> None:
    """Per minute of event time; the storm is over after a minute in which none was."""
    bench = Bench("  - {alarm: seen, when: kind == 'crash', limit: 2/m}\n")
    bench.feed(*((at, {"kind": "crash"}) for at in (1, 2, 3, 4, 5, 61, 62)))
    assert [(event, muted, folded) for event, _, muted, folded in told(bench)] == [
        ("fired", None, None), ("fired", None, None), ("fired", "storm", None), ("storm", None, 1),
        ("fired", "storm", None), ("storm", None, 2), ("fired", "storm", None), ("fired", None, None),
        ("fired", None, None),
    ]  # fmt: skip
    if restart:
        bench.restart()
    bench.feed((63, {"kind": "crash"}))
    bench.clock(119)
    assert [(event, muted) for event, _, muted, _ in told(bench)] == [("fired", "storm"), ("storm", None)]
    bench.clock(181)
    (over,) = bench.documents(Sink.ALERTS)
    assert (over["event"], over["values"], over["at"][-13:-5]) == ("resolved", {"folded": 4}, "00:03:00")


def test_storms_of_two_tasks_are_told_apart() -> None:
    """They may begin at the same instant with the same key."""
    ids = {told_apart("1f", topic, partition) for topic, partition in (("a", 0), ("a", 1), ("b", 0))}
    assert len(ids) == 3
    assert told_apart("1f", "a", 0) in ids
