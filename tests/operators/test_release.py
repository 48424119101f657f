"""Keys that nothing can matter of any more let go of their ids, and nobody can tell but by the memory."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterable, Mapping

import pytest

from streamwatchd.operators import flow
from streamwatchd.operators.release import STEP_MS
from streamwatchd.shard.output import Sink
from tests.operators.bench import Bench

HOUR = 3_600
STRETCH = 4 * HOUR
Event = tuple[float, Mapping[str, object]]

RULES = {
    "window alarm": "  - {alarm: hot, by: host, when: avg(x over 5m) > 50%, no_data: alert after 10m}\n",
    "levels": "  - alarm: lv\n    by: host\n    values: {u: max(x over 1m)}\n"
    "    levels: {critical: u > 90%, warning: u > 50% for 2m until u < 20% for 1m}\n",
    "row alarm": "  - {alarm: hot, by: host, when: x > 50%}\n",
    "row alarm with holds": "  - {alarm: hot, by: host, when: x > 50% for 1m, no_data: resolve after 5m}\n",
    "kpi": "  - {kpi: n, by: host, every: 1m, values: {n: count(), top: max(x)}}\n",
    "session": "  - {kpi: s, by: host, session: 2m, values: {n: count()}}\n",
    "constants": "".join(
        f"  - {{alarm: k{kind}, by: host, where: kind == '{kind}', when: avg(x over 5m) > 50%}}\n" for kind in "uvw"
    ),
    "fewer keys": "  - {alarm: part, by: [site, host], when: sum(x over 5m) > 60% * sum(x over 5m by site)}\n",
    "behind the exchange": "  - {alarm: sites, by: [site, kind], when: avg(x over 5m) > 50%}\n",
    "changes": "  - {alarm: flat, by: host, when: changes(x over 10m) == 0}\n",
    "sequence": "  - {alarm: seq, by: host, sequence: [x > 80%, x < 20%], within: 5m}\n",
    "a rule on rows of a kpi": "  - {kpi: n, by: host, every: 1m, values: {n: count(), top: max(x)}}\n"
    "  - {alarm: busy, source: n, by: host, when: sum(n over 5m) > 3}\n",
}


def project(rules: str) -> Bench:
    """Judged once a minute: ids are let go of every ten."""
    return Bench(f"source: m\nevery: 1m\nrules:\n{rules}")


def churn(seed: int, stretches: int = 16, least: int = 2, stretch: int = STRETCH) -> list[Event]:
    """Hosts that come for some minutes and then never, or much later, again; some stay."""
    rng = random.Random(seed)
    events: list[Event] = []
    for number in range(stretches):
        for _ in range(rng.randint(least, least + 4)):
            name = rng.choice([f"new{number}-{rng.randrange(9)}", f"old{rng.randrange(4)}", f"again{number % 9}"])
            begin = number * stretch + rng.randrange(stretch)
            for turn in range(rng.randint(1, 9)):
                fields = {"host": name, "site": f"s{rng.randrange(3)}-{number // 3}", "kind": rng.choice("uvw")}
                events.append((begin + turn * 30 + rng.random(), fields | {"x": rng.choice((5, 30, 60, 95))}))
    return sorted(events, key=lambda event: event[0])


def said(rules: str, events: Iterable[Event], cut: int, restart_every: int = 0) -> tuple[list[str], Bench]:
    bench, rows = project(rules), list(events)
    for number, start in enumerate(range(0, len(rows), cut)):
        bench.feed(*rows[start : start + cut])
        if restart_every and number % restart_every == restart_every - 1:
            bench.restart()
    bench.clock(150 * HOUR)
    return sorted(map(repr, (*bench.documents(Sink.ALERTS), *bench.documents(Sink.KPIS)))), bench


def places(bench: Bench) -> int:
    tasks = [task for shard in bench.driver.shards for task in shard.tasks.values()]
    return max(len(space.keys) for task in tasks for space in task.flow.spaces.values())


@pytest.mark.parametrize("kind", RULES)
@pytest.mark.parametrize("seed", [1, 2])
def test_nobody_can_tell(kind: str, seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """What comes out is what comes out where no id is ever taken back, over restarts and other batches too."""
    events = churn(seed)
    found, bench = said(RULES[kind], events, 7)
    again, _ = said(RULES[kind], events, 23, restart_every=3)
    monkeypatch.setattr(flow, "release", lambda *_: None)
    wanted, keeping = said(RULES[kind], events, 7)
    assert found == wanted
    assert again == wanted
    assert len(wanted) > 5
    assert places(bench) < places(keeping)


def test_memory_does_not_grow_with_keys_that_come_and_go() -> None:
    """Six days of containers that live for a minute each take the room of little more than one."""
    bench = project(RULES["window alarm"] + RULES["row alarm"].replace("hot", "warm"))
    for minute in range(0, 6 * 24 * 60, 20):
        bench.feed(*((60 * minute + n, {"host": f"c{minute}-{n}", "x": 60}) for n in range(5)))
        bench.documents(Sink.ALERTS)
    a_day = 5 * 24 * 3
    assert a_day < places(bench) < 1.2 * a_day


def test_an_alarm_that_is_up_keeps_its_place() -> None:
    """A sequence ends only with its `until`, however long that takes."""
    rule = "  - {alarm: seq, by: host, sequence: [x > 80%, x < 20%], within: 5m, until: x == 50%}\n"
    bench = Bench(rule).feed((1, {"host": "a", "x": 90}), (2, {"host": "a", "x": 10}))
    for hour in range(60):
        bench.feed((hour * HOUR + 10, {"host": f"h{hour}", "x": 90}))
    bench.feed((60 * HOUR, {"host": "a", "x": 50})).clock(61 * HOUR)
    assert bench.alerts() == ["2 seq fired warning a", f"{60 * HOUR} seq resolved warning a cleared"]


# the bound


def admitted(events: Iterable[Event], bound: int, keep_s: float, delay_s: float = 1.0) -> tuple[Counter[str], int]:
    """By the written rule, one event at a time: how many events of each host are judged, and how many are not.

    A host has a place from its first event that finds room on, until at a multiple of ten minutes the watermark is
    past it and nothing came of the host for `keep_s` before.
    """
    last: dict[str, float] = {}
    judged: Counter[str] = Counter()
    beyond, newest, step_s = 0, -1e18, STEP_MS / 1000
    for at, fields in events:
        host = str(fields["host"])
        if at <= newest - delay_s:
            continue
        if host in last or len(last) < bound:
            last[host] = max(at, last.get(host, at))
            judged[host] += 1
        else:
            beyond += 1
        before, newest = newest, max(newest, at)
        limit, was = newest - delay_s + 0.001, before - delay_s + 0.001
        if limit // step_s > was // step_s:
            release_s = limit // step_s * step_s
            last = {name: seen for name, seen in last.items() if seen >= release_s - keep_s}
    return judged, beyond


def keep_of(bench: Bench) -> float:
    (shard,) = bench.driver.shards
    return max(space.keep_ms for task in shard.tasks.values() for space in task.flow.spaces.values()) / 1000


KPI = "  - {{kpi: n, by: host, every: 1m, max_keys: {bound}, values: {{n: count()}}}}\n"


@pytest.mark.parametrize("bound", [3, 5])
@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("cut", [1, 13, 400])
@pytest.mark.parametrize("restart", [0, 4])
def test_places_are_given_by_the_written_rule(bound: int, seed: int, cut: int, restart: int) -> None:
    """The bound is on keys that live: who goes makes room, in the order of the log, whatever the batches."""
    events = churn(seed, stretches=12, least=6, stretch=HOUR)
    bench = Bench(KPI.format(bound=bound))
    wanted, beyond = admitted(events, bound, keep_of(bench))
    for number, start in enumerate(range(0, len(events), cut)):
        bench.feed(*events[start : start + cut])
        if restart and number % restart == restart - 1:
            bench.restart()
    bench.clock(30 * HOUR)
    found: Counter[str] = Counter()
    for row in bench.documents(Sink.KPIS):
        found[row["key"]["host"]] += row["values"]["n"]  # type: ignore[index]
    assert found == wanted
    assert beyond > 0
    told = [alert for alert in bench.documents(Sink.ALERTS) if alert["event"] == "resolved"]
    assert sum(alert["values"]["events"] for alert in told) == beyond  # type: ignore[index]


@pytest.mark.parametrize("cut", [1, 3, 50])
def test_several_rules_with_one_bound(cut: int) -> None:
    """Rules with the same `by` and other filters share places in the order of the log."""
    rules = (
        "".join(
            f"  - {{kpi: {name}, by: host, every: 1m, max_keys: 4, where: {where}, values: {{n: count()}}}}\n"
            for name, where in (("low", "x < 20%"), ("mid", "x > 20% and x < 70%"), ("odd", "kind == 'u'"))
        )
        + "  - {alarm: hot, by: host, max_keys: 4, where: kind == 'v', when: x > 90%}\n"
    )
    events = churn(9, stretches=12, least=5, stretch=HOUR)
    assert said(rules, events, cut)[0] == said(rules, events, 1)[0]


@pytest.mark.parametrize("cut", [1, 4])
def test_what_is_on_its_way_out_keeps_its_keys(cut: int) -> None:
    """A place that is free by the end of a batch is taken in the same batch, before the panes in it are packed."""
    bench = Bench("  - {kpi: n, by: [site, kind], every: 1m, max_keys: 2, values: {n: count()}}\n")
    events = [(at, {"host": "a", "site": "s", "kind": kind}) for at, kind in zip((0, 1, 7200, 7201), "ABCD")]
    for start in range(0, 4, cut):
        bench.feed(*events[start : start + cut])
    bench.clock(4 * HOUR)
    rows = [(row["key"]["kind"], row["window"]["start"][11:16]) for row in bench.documents(Sink.KPIS)]  # type: ignore[index]
    assert rows == [("A", "00:00"), ("B", "00:00"), ("D", "02:00")]


@pytest.mark.parametrize("cut", [1, 9, 200])
def test_behind_the_exchange_each_event_is_judged_or_counted(cut: int) -> None:
    """Which keys find room where partials meet goes by the log of the exchange, and so by batches; none is lost."""
    bench, events = (
        Bench("  - {kpi: n, by: [site, kind], every: 1m, max_keys: 4, values: {n: count()}}\n"),
        churn(5, stretches=14, least=5, stretch=HOUR),
    )
    for start in range(0, len(events), cut):
        bench.feed(*events[start : start + cut])
    bench.clock(30 * HOUR)
    judged = sum(row["values"]["n"] for row in bench.documents(Sink.KPIS))  # type: ignore[index,misc]
    storms = {alert["id"]: alert["values"]["events"] for alert in bench.documents(Sink.ALERTS)}  # type: ignore[index]
    assert judged + sum(storms.values()) == len(events)
    assert min(judged, len(storms)) > 50
    assert bench.documents(Sink.LATE) == []
