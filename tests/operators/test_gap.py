"""What panes lack at a change, and what fills it. The law is in `tests/laws/test_past.py`."""

from __future__ import annotations

import pytest

from streamwatchd.operators.gap import fillable
from streamwatchd.shard.output import TaskId
from tests.operators.bench import Bench, compiled

KPI = "  - {kpi: k, by: host, every: 10s, over: 60s, values: {n: count()}}\n"
OLD = "  - {alarm: old, by: host, when: avg(x over 60s) > 200}\n"


def changed(before: str, after: str, *, backfill_s: int = 3600, restart: bool = False) -> Bench:
    """Two hosts at two sites, an event a second each; just past 600 the rules change, and it goes on to 630."""
    bench = Bench(before, backfill_s=backfill_s)
    feed(bench, 0, 601).clock(600)
    bench.alerts(), bench.rows()
    bench.change(after)
    if restart:
        bench.restart()
    return feed(bench, 601, 630).clock(630)


def feed(bench: Bench, start: int, end: int) -> Bench:
    hosts = (("a", "s", 80), ("b", "t", 20))
    return bench.feed(*((at, {"host": h, "site": s, "x": x}) for at in range(start, end) for h, s, x in hosts))


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize(
    ("before", "after", "fired"),
    [
        # panes that nobody had
        (KPI, OLD + "  - {alarm: r, by: host, when: avg(x over 70s) > 50}\n", "610 r fired warning a"),
        (OLD, OLD + "  - {alarm: r, by: site, where: x > 50, when: count(over 60s) == 60}\n", "610 r fired warning s"),
        # further back, another step, one more aggregate
        (OLD, OLD + "  - {alarm: r, by: host, when: avg(x over 300s) > 50}\n", "610 r fired warning a"),
        (OLD, OLD + "  - {alarm: r, by: host, every: 7s, when: avg(x over 63s) > 50}\n", "606 r fired warning a"),
        (OLD, OLD + "  - {alarm: r, by: host, when: max(x over 50s) > 50}\n", "610 r fired warning a"),
        (OLD, OLD + "  - {alarm: r, by: host, when: max(x over 200s) > 50}\n", "610 r fired warning a"),
        # a wider table of the same family
        (OLD, OLD + "  - {alarm: r, by: host, when: avg(x over 1h) > 50, min_history: 5m}\n", "610 r fired warning a"),
        # since when keys are known
        (KPI, KPI + "  - {alarm: r, by: host, when: avg(x over 60s) > 50}\n", "610 r fired warning a"),
        # a constant that nobody asked for
        (
            "  - {alarm: q, by: host, where: site == 't', when: avg(x over 60s) > 50}\n",
            "  - {alarm: q, by: host, where: site == 't', when: avg(x over 60s) > 50}\n"
            "  - {alarm: r, by: host, where: site == 's', when: avg(x over 60s) > 50}\n",
            "610 r fired warning a",
        ),
    ],
)
def test_windows_are_whole_at_once(before: str, after: str, fired: str, restart: bool) -> None:
    """The first judgement above the change is that of a rule that has always been there."""
    found = changed(before, after, restart=restart).alerts()
    assert found == ([fired] if fired else [])


@pytest.mark.parametrize("after", ["avg(x over 300s) > 50", "avg(x over 1h) > 50, min_history: 5m"])
def test_a_partition_that_lags_waits_no_longer_than_the_others(after: str) -> None:
    """Nothing of its panes is closed yet, so nothing is gone of what other rules read."""
    bench = lagging(OLD, f"{OLD}  - {{alarm: r, by: host, when: {after}}}\n")
    bench.feed(*((at, {"host": "a", "x": 80}) for at in range(1, 630))).clock(630)
    assert bench.alerts() == ["610 r fired warning a"]


@pytest.mark.parametrize("before", [KPI, "  - {kpi: k, by: site, every: 10s, values: {n: count()}}\n"])
def test_a_partition_that_lags_still_says_which_keys_there_were(before: str) -> None:
    """Also those that spoke before the windows of the new rule begin."""
    bench = lagging(before, f"{before}  - {{alarm: r, by: host, when: avg(x over 60s) > 50}}\n")
    assert bench.at(100, host="a", x=80).at(605, host="a", x=80).clock(630).alerts() == ["610 r fired warning a"]


def lagging(before: str, after: str) -> Bench:
    """One partition comes up to 600 before the rules change, the other one has a single event."""
    bench = Bench(before, backfill_s=3600, partitions=2)
    bench.feed(*((at, {"host": "b", "x": 20}) for at in range(601)), partition=1)
    return bench.at(0, host="a", x=80).change(after)


ACROSS = "  - {alarm: r, by: site, when: avg(x over 60s) > 50}\n"


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("partitions", [1, 3])
@pytest.mark.parametrize(
    "rule",
    [
        "alarm: r, by: site, when: avg(x over 60s) > 50",
        "alarm: r, by: site, when: count(over 60s) == 60 and max(x over 5m) > 50",
        "alarm: r, by: site, when: avg(x over 1h) > 50, min_history: 5m",
        "alarm: r, by: site, where: x > 50, when: p50(x over 90s) > 50",
    ],
)
def test_windows_behind_the_exchange_are_whole_at_once(rule: str, partitions: int, restart: bool) -> None:
    """Each partition sends what it has read once more; those without a record have nothing to send, and say so."""
    bench = Bench(KPI, backfill_s=3600, partitions=partitions)
    feed(bench, 0, 601).clock(600)
    bench.alerts()
    bench.change(f"{KPI}  - {{{rule}}}\n")
    if restart:
        bench.restart()
    assert feed(bench, 601, 630).clock(630).alerts() == ["610 r fired warning s"]


def test_a_kpi_behind_the_exchange_has_whole_windows() -> None:
    """Its first row counts what came before it."""
    kpi = "  - {kpi: r, by: site, every: 10s, over: 60s, values: {n: count(), high: max(x)}}\n"
    rows = [row for row in changed(OLD, OLD + kpi).rows() if row.startswith("550")]
    assert sorted(rows) == ["550-610 r s n=60 high=80", "550-610 r t n=60 high=20"]
    rows = [row for row in changed(OLD, OLD + kpi, backfill_s=0).rows() if row.startswith("550")]
    assert sorted(rows) == ["550-610 r s n=9 high=80", "550-610 r t n=9 high=20"]


def test_where_one_partition_can_not_say_what_came_before_all_wait() -> None:
    """Sums over some of the partitions would be wrong ones."""
    bench = Bench(KPI, backfill_s=3600, partitions=2)
    feed(bench, 0, 601).clock(600)
    bench.driver.forgets = {TaskId(1, "m", 1)}
    bench.change(KPI + ACROSS)
    assert feed(bench, 601, 640).clock(640).alerts() == []
    assert feed(bench, 640, 680).clock(680).alerts() == ["670 r fired warning s"]


def test_a_change_before_the_past_has_been_told_leaves_it_be() -> None:
    """The second change comes before anything above the first one has been judged."""
    bench = Bench(KPI, backfill_s=3600, partitions=2)
    feed(bench, 0, 601).clock(600)
    bench.alerts()
    bench.change(KPI + ACROSS).change(KPI + ACROSS + OLD)
    assert feed(bench, 601, 630).clock(630).alerts() == ["610 r fired warning s"]


def test_windows_of_kpis_that_began_before_the_change_are_whole() -> None:
    """Without old records they count what has come since."""
    kpi = "  - {kpi: r, by: host, where: x > 1, every: 10s, over: 60s, values: {n: count(), high: max(x)}}\n"
    rows = [row for row in changed(OLD, OLD + kpi).rows() if row.startswith("550")]
    assert rows == ["550-610 r a n=60 high=80", "550-610 r b n=60 high=20"]
    rows = [row for row in changed(OLD, OLD + kpi, backfill_s=0).rows() if row.startswith("550")]
    assert rows == ["550-610 r a n=9 high=80", "550-610 r b n=9 high=20"]


def test_only_so_far_back_as_is_allowed() -> None:
    """The rest of the window warms as it would without."""
    alarm = "  - {alarm: r, by: host, when: avg(x over 300s) > 50}\n"
    bench = changed(KPI, alarm, backfill_s=280)
    assert bench.alerts() == ["620 r fired warning a"]


def test_what_came_late_then_is_late_once_more() -> None:
    """And what the old rules have told of late events and dead letters is told once."""
    bench = Bench(OLD, backfill_s=3600)
    feed(bench, 0, 600).at(300, host="a", site="s", x=80).at(601, host="a", site="s", x=80)
    counters = bench.driver.shards[0].counters()
    bench.change(OLD + "  - {kpi: r, by: host, every: 10s, over: 600s, values: {n: count()}}\n")
    assert {name: count for name, count in counters.items() if name[0] != "rule_late"} == {
        name: count for name, count in bench.driver.shards[0].counters().items() if name[0] != "rule_late"
    }
    rows = bench.clock(611).rows()
    assert rows == ["10-610 r a n=591", "10-610 r b n=590"]


def test_what_is_filled_and_what_is_not() -> None:
    """Rows of a source where they come in, also for those behind the exchange; not sessions, nor rows of KPIs."""
    rules = KPI + "  - {kpi: s, by: host, session: 30s, values: {n: count()}}\n"
    rules += "  - {alarm: on_kpi, source: k, by: host, when: avg(n over 30s) > 1}\n"
    rules += "  - {alarm: across, by: site, when: avg(x over 30s) > 1}\n" + OLD
    program = compiled(rules).program
    assert program is not None
    here, sent = fillable(program.plan.first["m"], program.plan.sessions())
    assert [key.name for key in here.keys] == ["host"]
    assert [key.name for key in sent.keys] == ["site"]
    assert not fillable(program.plan.later[0], program.plan.sessions())


def test_nothing_is_read_where_nothing_is_lacking() -> None:
    """A threshold, a shorter window, a word."""
    bench = feed(Bench(OLD, backfill_s=3600), 0, 100)
    for after in (OLD.replace("200", "100"), OLD.replace("60s", "30s"), OLD + OLD.replace("old", "more")):
        program = compiled(after).program
        assert program is not None
        assert not bench.driver.shards[0].pasts(2**50, program, {})
    program = compiled(OLD.replace("60s", "90s")).program
    assert program is not None
    assert list(bench.driver.shards[0].pasts(2**50, program, {})) == [TaskId(1, "m", 0)]
