"""Alarms on windows: when they are judged, over what, and what silence, warming and forgetting do."""

from __future__ import annotations

import pytest

from streamwatchd.shard.output import Sink
from tests.operators.bench import Bench


def hot(more: str = "", when: str = "avg(x over 20s) > 50%") -> str:
    return f"  - {{alarm: hot, by: host, when: {when!r}{', ' + more if more else ''}}}\n"


def test_judged_at_multiples_of_every_over_what_was_before() -> None:
    """At T over [T − size, T): an event at T belongs to the next; nothing is judged before the watermark is there."""
    bench = Bench(hot("partial: true")).at(0, host="a", x=90).at(10, host="a", x=0)
    assert bench.alerts() == []
    assert bench.clock(9.999).alerts() == []
    assert bench.clock(10).alerts() == ["10 hot fired warning a"]
    assert bench.clock(20).alerts() == ["20 hot resolved warning a cleared"]


@pytest.mark.parametrize(
    ("more", "fired_at"),
    [("", "20"), ("partial: true", "10"), ("min_history: 10s", "10")],
)
def test_a_window_that_began_before_its_key_is_warming(more: str, fired_at: str) -> None:
    """It raises nothing unless the rule says `partial` or is content with less history."""
    assert Bench(hot(more)).series(range(0, 40, 2), host="a", x=90).clock(40).alerts() == [
        f"{fired_at} hot fired warning a"
    ]


def test_empty_windows_are_null_but_counts_are_zero() -> None:
    """An average of nothing neither raises nor clears; a count of nothing is 0."""
    rules = hot() + hot(when="count(over 20s) == 0").replace("hot", "quiet")
    bench = Bench(rules).series(range(0, 30, 2), host="a", x=90).clock(120)
    assert bench.alerts() == ["20 hot fired warning a", "50 quiet fired warning a"]


@pytest.mark.parametrize(
    ("action", "told"),
    [
        ("keep", []),
        ("alert after 30s", ["60 hot no_data warning a"]),
        ("resolve after 30s", ["60 hot resolved warning a no_data"]),
    ],
)
def test_silence_is_what_the_rule_says_it_is(action: str, told: list[str]) -> None:
    """At the first T with no event of the key for so long."""
    bench = Bench(hot(f"no_data: {action}")).series(range(0, 30, 2), host="a", x=90).clock(30)
    assert bench.alerts() == ["20 hot fired warning a"]
    assert bench.clock(300).alerts() == told


def test_data_after_silence_judges_again() -> None:
    """The next judgement that is not null sets the level or resolves."""
    bench = Bench(hot("no_data: alert after 30s, partial: true")).series([0, 5], host="a", x=90).clock(100)
    assert bench.alerts() == ["10 hot fired warning a", "40 hot no_data warning a"]
    assert bench.at(101, host="a", x=1).clock(120).alerts() == ["110 hot resolved warning a cleared"]


def test_forgotten_keys_resolve_and_start_anew() -> None:
    """At the first multiple T of `every` with no event for `forget`; the key is then warming again."""
    day = 86_400
    bench = Bench(hot()).series(range(0, 30, 2), host="a", x=90).clock(30)
    assert bench.alerts() == ["20 hot fired warning a"]
    assert bench.clock(day + 1_000).alerts() == [f"{day + 30} hot resolved warning a forgotten"]
    again = bench.series(range(day + 2_000, day + 2_030, 5), host="a", x=90).clock(day + 2_040)
    assert again.alerts() == [f"{day + 2_020} hot fired warning a"]


def test_long_windows_move_in_288_steps() -> None:
    """24 h at `every: 10s` ends at the last multiple of 5 minutes, so an event counts from the next one on."""
    bench = Bench(hot("partial: true", "max(x over 24h) > 50%")).at(10, host="a", x=90).clock(299)
    assert bench.alerts() == []
    assert bench.clock(400).alerts() == ["300 hot fired warning a"]


def test_looking_back_moves_in_2016_steps() -> None:
    """`over 1m ago 7d` steps by 5 minutes: the minute before the last multiple of them, seven days before T."""
    week = 7 * 86_400
    bench = Bench(hot("partial: true", "sum(x over 1m ago 7d) > 50%")).at(290, host="a", x=90)
    bench.at(week, host="a", x=0).clock(week + 700)
    assert bench.alerts() == [f"{week + 300} hot fired warning a", f"{week + 600} hot resolved warning a cleared"]


@pytest.mark.parametrize(
    ("key", "fired"),
    [
        ("host", ["20 share fired warning a,s1"]),
        ("site", ["20 share fired warning a,s1", "20 share fired warning b,s2"]),
    ],
)
def test_sums_over_fewer_keys_stand_beside_sums_over_all(key: str, fired: list[str]) -> None:
    """`by k` adds up the rows of the rule's keys that share k."""
    total = "sum(x over 20s by site)" if key == "site" else "sum(x over 20s by host)"
    rules = f"  - {{alarm: share, by: [host, site], when: 'sum(x over 20s) > 60% * {total}'}}\n"
    bench = Bench(rules)
    for at in (0, 5, 10, 15):
        bench.feed((at, {"host": "a", "site": "s1", "x": 9}), (at, {"host": "b", "site": "s2", "x": 9}))
        bench.feed((at, {"host": "c", "site": "s1", "x": 1}))
    found = bench.clock(20).alerts()
    wanted = [f"20 share fired warning {key}" for key in ("a,s1", "b,s2")]
    if key == "host":
        wanted.append("20 share fired warning c,s1")
    assert sorted(found) == wanted
    assert fired[0] in found


def test_rules_of_one_shape_share_their_panes_and_judge_apart() -> None:
    """Filters by equality and thresholds differ; each rule keeps its own alarms."""
    rules = "".join(
        f"  - {{alarm: {kind}, by: host, where: kind == '{kind}', when: 'max(x over 10s) > {limit}%'}}\n"
        for kind, limit in (("cpu", 50), ("mem", 80))
    )
    bench = Bench(rules)
    flow = next(iter(bench.driver.shards[0].tasks.values())).flow
    assert len(flow.nodes) == len(flow.families) == 1
    for at in (0, 5):
        for kind in ("cpu", "mem", "disk"):
            bench.at(at, host="a", kind=kind, x=70)
    assert bench.clock(10).alerts() == ["10 cpu fired warning a"]


def test_an_alert_says_what_it_was_about() -> None:
    """Values, window, context and message are those of the judgement; a life keeps its id."""
    rules = """\
  - alarm: hot
    by: host
    values: {avg20: avg(x over 20s), n: count(over 20s)}
    levels: {critical: avg20 > 80%, warning: avg20 > 50%}
    message: "{host} ({role}) at {avg20}"
    labels: {team: noc}
    runbook: https://runbooks.example/hot
"""
    bench = Bench(rules).series(range(0, 20, 5), host="a", x=60).series(range(20, 40, 5), host="a", x=100).clock(40)
    fired, escalated = bench.documents(Sink.ALERTS)
    assert fired["values"] == {"avg20": 60.0, "n": 4}
    assert fired["window"] == {"start": "2026-01-05T00:00:00.000Z", "end": "2026-01-05T00:00:20.000Z"}
    assert (fired["message"], fired["context"]) == ("a (critical) at 60%", {"role": "critical", "weight": 2.0})
    assert (fired["labels"], fired["runbook"]) == ({"team": "noc"}, "https://runbooks.example/hot")
    assert (escalated["at"], escalated["event"], escalated["previous"]) == (
        "2026-01-05T00:00:40.000Z",
        "escalated",
        "warning",
    )
    assert (fired["id"], fired["seq"], escalated["seq"]) == (escalated["id"], 1, 2)


def test_nobody_judges_a_long_silence_step_by_step() -> None:
    """A year without a record costs nothing, and changes nothing."""
    bench = Bench(hot()).series(range(0, 30, 2), host="a", x=90).clock(30)
    bench.alerts()
    assert bench.clock(80_000).alerts() == []
    assert bench.clock(366 * 86_400).alerts() == ["86430 hot resolved warning a forgotten"]
