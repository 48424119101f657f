"""Rules in shadow: the same is written, elsewhere; what happens to alarms that are up when the mode changes."""

from __future__ import annotations

from typing import Any

import pytest

from streamwatchd.shard.output import Sink
from tests.operators.bench import Bench

WINDOWED = "  - {alarm: hot, by: host, when: avg(x over 10s) > 50%, labels: {team: noc}MODE}\n"
ROWS = "  - {alarm: hot, by: host, when: x > 50%, labels: {team: noc}MODE}\n"
MUTED = "  - {alarm: down, by: host, when: avg(n over 10s) > 0}\n" + WINDOWED.replace(
    "MODE", ", unless: firing(down)MODE"
)
KPI = "  - {kpi: load, by: host, every: 10s, values: {n: count()}MODE}\n"
SEQUENCE = (
    "  - {alarm: hot, by: host, sequence: [x > 50%, x > 60%], within: 1m, until: x < 10%, labels: {team: noc}MODE}\n"
)
SHADOW, LIVE = ", mode: shadow", ""
ALARMS = pytest.mark.parametrize("rules", [WINDOWED, ROWS, MUTED, SEQUENCE])


def steps(bench: Bench, sink: Sink) -> list[tuple[Any, ...]]:
    found = [(each["rule"], each["event"], each["reason"]) for each in bench.documents(sink)]
    return [each for each in found if each[1] != "pending"]


def hot(bench: Bench, *times: int) -> Bench:
    return bench.series(times, host="a", x=80)


@pytest.mark.parametrize("rules", [WINDOWED, ROWS, MUTED, SEQUENCE, KPI])
def test_the_same_is_written_to_the_shadow_topic(rules: str) -> None:
    """And to no other."""
    live, shadow = (hot(Bench(rules.replace("MODE", mode)), *range(0, 60, 5)).clock(60) for mode in (LIVE, SHADOW))
    sink = Sink.KPIS if rules is KPI else Sink.ALERTS

    def told(bench: Bench, from_sink: Sink) -> list[dict[str, object]]:
        return [document | {"rule_version": None} for document in bench.documents(from_sink)]

    assert told(shadow, Sink.SHADOW) == told(live, sink) != []
    assert shadow.documents(sink) == []


@ALARMS
def test_what_is_up_at_the_promotion_is_told_once(rules: str) -> None:
    """Its life goes on under the same id, and its end is told."""
    bench = hot(Bench(rules.replace("MODE", SHADOW)), *range(0, 40, 5)).change(rules.replace("MODE", LIVE))
    hot(bench, *range(40, 80, 5)).series(range(80, 120, 5), host="a", x=1).clock(120)
    shadows, alerts = bench.documents(Sink.SHADOW), bench.documents(Sink.ALERTS)
    documents = [each for each in (*shadows, *alerts) if each["event"] != "pending"]
    assert [each["event"] for each in documents] == ["fired", "unmuted", "resolved"]
    assert [each["event"] for each in alerts] == ["unmuted", "resolved"]
    assert len({each["id"] for each in documents}) == 1
    assert [each["muted_by"] for each in documents] == [None] * len(documents)


@ALARMS
def test_what_is_up_when_a_rule_goes_into_shadow_ends_for_those_who_were_told(rules: str) -> None:
    """It begins anew there."""
    bench = hot(Bench(rules.replace("MODE", LIVE)), *range(0, 40, 5)).change(rules.replace("MODE", SHADOW))
    hot(bench, *range(40, 80, 5)).clock(80)
    assert steps(bench, Sink.ALERTS) == [("hot", "fired", None), ("hot", "resolved", "rule_changed")]
    assert steps(bench, Sink.SHADOW) == [("hot", "fired", None)]


@ALARMS
@pytest.mark.parametrize("mode", [SHADOW, LIVE])
def test_another_edit_leaves_the_mode_alone(rules: str, mode: str) -> None:
    """Nothing is told twice."""
    text = rules.replace("MODE", mode)
    bench = hot(Bench(text), *range(0, 40, 5)).change(text.replace("noc", "storage"))
    hot(bench, *range(40, 80, 5)).clock(80)
    assert [event for _, event, _ in steps(bench, Sink.SHADOW if mode else Sink.ALERTS)] == ["fired"]


def test_a_hold_goes_on_over_the_promotion() -> None:
    """State is kept: what was true for long is still so."""
    rule = "  - {alarm: hot, by: host, when: avg(x over 10s) > 50% for 40sMODE}\n"
    bench = hot(Bench(rule.replace("MODE", SHADOW)), *range(0, 45, 5)).change(rule.replace("MODE", LIVE))
    hot(bench, *range(45, 80, 5)).clock(80)
    (fired,) = [each for each in bench.documents(Sink.ALERTS) if each["event"] == "fired"]
    assert str(fired["starts_at"]) < str(fired["at"])
    assert fired["at"] == "2026-01-05T00:00:50.000Z"


MUTED_BY_SHADOW = (
    "  - {alarm: hot, by: host, when: avg(x over 10s) > 50%MODE}\n"
    "  - {alarm: slow, by: host, when: avg(n over 10s) > 5, unless: firing(hot)}\n"
)


def test_a_rule_in_shadow_mutes_nobody() -> None:
    """It does from its promotion on."""
    bench = Bench(MUTED_BY_SHADOW.replace("MODE", SHADOW)).series(range(0, 30, 5), host="a", x=80, n=1)
    bench.series(range(30, 50, 5), host="a", x=80, n=9)
    told = [(each["event"], each["muted_by"]) for each in bench.documents(Sink.ALERTS)]
    assert told == [("fired", None)]
    bench.change(MUTED_BY_SHADOW.replace("MODE", LIVE)).series(range(50, 70, 5), host="b", x=80, n=1)
    bench.series(range(70, 100, 5), host="b", x=80, n=9).clock(100)
    found = [(each["key"], each["event"], each["muted_by"]) for each in bench.documents(Sink.ALERTS)]
    assert ({"host": "b"}, "fired", "firing(hot)") in found
    assert ({"host": "a"}, "unmuted", None) in found


def test_what_is_up_at_the_promotion_mutes_others() -> None:
    """Though it rose in shadow."""
    bench = Bench(MUTED_BY_SHADOW.replace("MODE", SHADOW)).series(range(0, 30, 5), host="a", x=80, n=1)
    bench.change(MUTED_BY_SHADOW.replace("MODE", LIVE)).series(range(30, 50, 5), host="a", x=80, n=1)
    bench.series(range(50, 70, 5), host="a", x=80, n=9).clock(70)
    slow = [each for each in bench.documents(Sink.ALERTS) if each["rule"] == "slow"]
    assert [(each["event"], each["muted_by"]) for each in slow] == [("fired", "firing(hot)")]


def test_a_storm_of_a_rule_in_shadow_stays_there() -> None:
    """With what it folds."""
    rule = "  - {alarm: hot, by: host, when: avg(x over 10s) > 50%, max_active: 1MODE}\n".replace("MODE", SHADOW)
    bench = Bench(rule)
    for at in range(0, 30, 5):
        for host in "abc":
            bench.at(at, host=host, x=80)
    bench.clock(30)
    assert bench.documents(Sink.ALERTS) == []
    assert "storm" in [each["event"] for each in bench.documents(Sink.SHADOW)]
