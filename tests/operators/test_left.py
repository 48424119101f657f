"""Alarms that nobody takes over, as rules go, or as keys lie in other partitions from an instant on."""

from __future__ import annotations

import pytest

from streamwatchd.operators.left import Left
from streamwatchd.shard.output import Sink
from tests.operators.bench import Bench

PLACED = {"m": 2}
HOT = "  - {alarm: hot, by: host, when: avg(x over 30s) > 50% for 20s, partial: true}\n"
NOW = "  - {alarm: now, by: host, when: x > 50%}\n"
QUIET = "  - {alarm: quiet, by: host, when: max(x over 10s) > 1000%, no_data: alert after 20s}\n"
KPI = "  - {kpi: k, by: host, every: 20s, values: {n: count()}}\n"


def test_a_reason_says_whether_the_rule_is_there_still() -> None:
    assert Left({}, frozenset()).reason("hot") == "rule_removed"
    assert Left({}, frozenset({"hot"})).reason("hot") == "rule_changed"
    assert Left({}, frozenset({"hot"}), placed_anew=True).reason("hot") == "partitions_changed"
    assert Left({}, frozenset(), placed_anew=True).reason("hot") == "rule_removed"


def placed_anew(bench: Bench, rules: str, *, restart: bool = False) -> Bench:
    bench.change(rules, placed=PLACED)
    return bench.restart() if restart else bench


@pytest.mark.parametrize("restart", [False, True])
def test_alarms_resolve_and_a_key_that_stays_is_told_again(restart: bool) -> None:
    """Windows go on: it takes the first T after its next event, and the hold; what is judged at once, that event."""
    bench = Bench(HOT + NOW, partitions=2).series(range(60), host="a", x=80)
    assert bench.alerts() == ["0 now fired warning a", "10 hot pending warning a", "30 hot fired warning a"]
    placed_anew(bench, HOT + NOW, restart=restart).series(range(60, 120), host="a", x=80)
    assert bench.clock(120).alerts() == [
        "59.001 now resolved warning a partitions_changed",
        "60 now fired warning a",
        "59.001 hot resolved warning a partitions_changed",
        "70 hot pending warning a",
        "90 hot fired warning a",
    ]


@pytest.mark.parametrize("restart", [False, True])
def test_of_a_key_that_moves_nothing_stays_where_it_was(restart: bool) -> None:
    """No alarm that nobody clears any more, and no silence of one who speaks elsewhere."""
    rules = HOT + NOW + QUIET
    bench = Bench(rules, partitions=2).series(range(60), host="a", x=80)
    first = bench.alerts()
    placed_anew(bench, rules, restart=restart).series(range(60, 200), host="a", x=80, partition=1)
    assert first == ["0 now fired warning a", "10 hot pending warning a", "30 hot fired warning a"]
    assert sorted(bench.clock(300).alerts()) == [
        "220 quiet no_data warning a",
        "59.001 hot resolved warning a partitions_changed",
        "59.001 now resolved warning a partitions_changed",
        "60 now fired warning a",
        "70 hot pending warning a",
        "90 hot fired warning a",
    ]


@pytest.mark.parametrize("restart", [False, True])
def test_silence_is_told_of_who_has_spoken_since(restart: bool) -> None:
    bench = Bench(QUIET, partitions=2).series(range(60), host="a").series(range(60), host="b")
    placed_anew(bench, QUIET, restart=restart).series(range(60, 80), host="a")
    assert bench.clock(200).alerts() == ["100 quiet no_data warning a"]


def test_a_rule_that_comes_later_knows_nobody_by_what_was_said_before() -> None:
    """Though its windows are filled with it."""
    bench = Bench(NOW, partitions=2, backfill_s=600).series(range(60), host="a").series(range(60), host="b")
    placed_anew(bench, NOW).series(range(60, 80), host="a")
    bench.change(NOW + QUIET, placed=PLACED).series(range(80, 100), host="a")
    assert bench.clock(300).alerts() == ["120 quiet no_data warning a"]


def test_the_same_places_again_are_no_change() -> None:
    bench = Bench(HOT + NOW, partitions=2).series(range(60), host="a", x=80)
    placed_anew(bench, HOT + NOW).series(range(60, 120), host="a", x=80).alerts()
    bench.change(HOT + NOW + KPI, placed=PLACED).series(range(120, 180), host="a", x=80)
    assert bench.clock(180).alerts() == []


def test_rows_of_kpis_go_on() -> None:
    """Those of the window in which a key moves are told by both partitions, each with its own part."""
    bench = Bench(KPI, partitions=2).series(range(50), host="a")
    placed_anew(bench, KPI).series(range(50, 60), host="a", partition=1).series(range(60, 80), host="a", partition=1)
    assert sorted(bench.clock(100).rows()) == [
        "0-20 k a n=20", "20-40 k a n=20", "40-60 k a n=10", "40-60 k a n=10", "60-80 k a n=20",
    ]  # fmt: skip


def test_what_goes_through_the_exchange_has_no_part_in_it() -> None:
    """Its keys lie in partitions of our own."""
    by_site = "  - {alarm: site, by: site, when: max(x over 10s) > 50%}\n"
    bench = Bench(by_site, partitions=2).series(range(60), host="a", site="s", x=80).clock(60)
    assert bench.alerts() == ["10 site fired warning s"]
    placed_anew(bench, by_site).series(range(60, 120), host="a", site="s", x=80, partition=1).clock(120)
    assert bench.alerts() == []


def test_a_sequence_that_is_under_way_is_forgotten() -> None:
    """What would complete it, or what must not come, may come elsewhere."""
    rules = "  - {alarm: seq, by: host, sequence: ['kind == \"a\"', 'not kind == \"b\"'], within: 30s}\n"
    bench = Bench(rules, partitions=2).at(10, host="a", kind="a")
    placed_anew(bench, rules).at(12, host="a", kind="b", partition=1)
    assert bench.clock(100).alerts() == []
    assert Bench(rules).at(10, host="a", kind="a").clock(100).alerts() == ["40 seq fired warning a"]


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("kpi", ["every: 10s, over: 60s", "session: 20s"])
def test_rows_of_a_key_that_moved_raise_nothing_where_it_was(kpi: str, restart: bool) -> None:
    """Windows reach back over the move, and sessions end after it: nobody would clear what they raise."""
    rules = f"""\
  - {{kpi: k, by: host, {kpi}, values: {{v: avg(x)}}}}
  - {{alarm: on_rows, source: k, by: host, when: v > 50%}}
  - {{alarm: on_windows, source: k, by: host, when: last(v over 10s) > 50%}}
  - {{alarm: on_silence, source: k, by: host, when: last(v over 10s) > 1000%, no_data: alert after 20s}}
"""
    bench = Bench(rules, partitions=2).series(range(60), host="a", x=80).series(range(60), host="b", x=80)
    placed_anew(bench, rules, restart=restart)
    bench.series(range(60, 300), host="a", x=1, partition=1).series(range(60, 80), host="b", x=80)
    documents = bench.clock(300).documents(Sink.ALERTS)
    for rule in ("on_rows", "on_windows"):
        of_a = [each["event"] for each in documents if each["rule"] == rule and each["key"] == {"host": "a"}]
        assert of_a in ([], ["fired", "resolved"]), of_a
    assert any(each["rule"] == "on_rows" and each["key"] == {"host": "b"} for each in documents)
    silent = [each["key"] for each in documents if each["rule"] == "on_silence" and each["event"] == "no_data"]
    assert silent == [{"host": "b"}]


def test_keys_that_come_to_lie_elsewhere_twice_are_judged_by_the_first_until_the_second() -> None:
    """Though both are known before anything of between is judged, as where events may come late."""
    slow = "".join(
        f"{name}: {{topic: {name}, time: ts, unit: ms, max_delay: 60s, key: host, "
        "fields: {x: {type: float, unit: percent}}}\n"
        for name in ("m", "other")
    )
    bench = Bench(QUIET, partitions=2, sources=slow).series(range(60), host="a").series(range(60), host="b")
    bench.change(QUIET, placed={"m": 2}, sources=slow).series(range(60, 130), host="b")
    bench.change(QUIET, placed={"m": 3}, sources=slow).series(range(130, 150), host="b")
    assert bench.clock(150).alerts() == []
