"""Keys beyond `max_keys`."""

from __future__ import annotations

from typing import Any

import pytest

from streamwatchd.shard.output import Sink
from tests.operators.bench import Bench
from tests.published import misfits

KPI = "  - {kpi: n, by: host, every: 10s, max_keys: 3, values: {n: count()}}\n"
ALARM = "  - {alarm: hot, by: host, when: x > 50%, max_keys: 3, labels: {team: noc}}\n"


def storms(bench: Bench) -> list[dict[str, Any]]:
    return [each for each in bench.documents(Sink.ALERTS) if "max_keys" in each["values"]]


def hosts(bench: Bench, names: str, at: float) -> Bench:
    return bench.feed(*((at, {"host": name, "x": 60}) for name in names))


@pytest.mark.parametrize("text", [KPI, ALARM])
@pytest.mark.parametrize("restart", [False, True])
def test_a_flood_of_keys_is_one_storm(text: str, restart: bool) -> None:
    """Told at the first event of a further key and at ten times as many; over after a minute without."""
    bench = Bench(text)
    hosts(bench, "abc", 1)
    assert storms(bench) == []
    hosts(bench, "adefghijklmno", 2)
    first, grown = storms(bench)
    assert (first["event"], first["state"], first["severity"], first["key"]) == ("storm", "firing", "major", {})
    assert first["values"] == {"events": 1, "max_keys": 3}
    assert grown["values"] == {"events": 10, "max_keys": 3}
    assert first["context"] == {"by": "host", "example": "d"}
    assert first["rule"] == ("hot" if text == ALARM else "n")
    assert first["labels"] == ({"team": "noc"} if text == ALARM else {})
    if restart:
        bench.restart()
    hosts(bench, "p", 61)
    bench.clock(179)
    assert storms(bench) == []
    bench.clock(181)
    (over,) = storms(bench)
    assert (over["event"], over["values"]["events"], over["id"]) == ("resolved", 13, first["id"])
    assert misfits("alert", [first, grown, over]) == []


def test_known_keys_are_judged_on() -> None:
    """The flood costs others nothing: the first keys keep their places."""
    bench = Bench(ALARM)
    hosts(bench, "abc", 1)
    hosts(bench, "defghi", 2)
    bench.feed((3, {"host": "b", "x": 1}), (4, {"host": "h", "x": 99}))
    judged = [
        (each["event"], each["key"]["host"])
        for each in bench.documents(Sink.ALERTS)
        if "max_keys" not in each["values"]
    ]
    assert judged == [("fired", "a"), ("fired", "b"), ("fired", "c"), ("resolved", "b")]


@pytest.mark.parametrize("cut", [1, 2, 5])
@pytest.mark.parametrize("text", [KPI, ALARM, KPI.replace("values", "where: x > 10%, values")])
def test_batches_do_not_matter(text: str, cut: int) -> None:
    """Keys have their places in the order of the log, those that `where` lets through."""
    rows = [(0.1 * n, {"host": "abzcdeafgb"[n % 10] + str(n // 30), "x": 60 if n % 7 else 5}) for n in range(2_000)]
    one, two = Bench(text).feed(*rows), Bench(text)
    for start in range(0, len(rows), 97 * cut):
        two.feed(*rows[start : start + 97 * cut])
    found = [
        sorted(map(repr, (*bench.clock(400).documents(Sink.ALERTS), *bench.documents(Sink.KPIS))))
        for bench in (one, two)
    ]
    assert found[0] == found[1]
    assert sum("max_keys" in each for each in found[0]) >= 3


def test_behind_the_exchange_keys_are_bounded_too() -> None:
    """Each partition may bring as many as the bound; where they meet, there is one bound again."""
    bench = Bench("  - {kpi: n, by: site, every: 10s, max_keys: 3, values: {n: count()}}\n", partitions=2)
    for number in range(40):
        bench.at(1, partition=number % 2, host=f"h{number}", site=f"s{number}", x=1)
    bench.clock(12)
    told, rows = storms(bench), bench.documents(Sink.KPIS)
    assert len(rows) <= 3 * 2
    assert {each["values"]["events"] for each in told if each["values"]["events"] > 1} == {10}
    assert {each["rule"] for each in told} == {"n"}
