"""Rules and tables change at an instant of event time: what goes on, what begins, what ends."""

from __future__ import annotations

import pytest

from streamwatchd.shard.output import Sink
from tests.operators.bench import Bench

KPI = "  - {kpi: k, by: host, every: 10s, values: {n: count()}}\n"


def rules(hot: str = "50%", now: str = "50%", message: str = "old", more: str = "") -> str:
    return f"""\
  - alarm: hot
    by: host
    when: avg(x over 30s) > {hot} for 20s
    message: "{message}"
    partial: true
  - alarm: now
    by: host
    when: x > {now}
{more}"""


def running(text: str) -> Bench:
    """Both alarms fire: `now` at 0, `hot` pending from 10 and firing from 30."""
    bench = Bench(text).series(range(60), host="a", x=80)
    assert bench.alerts() == ["0 now fired warning a", "10 hot pending warning a", "30 hot fired warning a"]
    return bench


def calm_down(bench: Bench) -> Bench:
    """From 70 s on nothing is high any more."""
    return bench.series(range(60, 70), host="a", x=80).series(range(70, 110), host="a", x=1).clock(110)


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("to", [rules(), rules(message="new"), rules(hot="40%", now="40%"), rules(more=KPI)])
def test_alarms_go_on_through_edits(to: str, restart: bool) -> None:
    """An equal set, another message, another threshold, a rule beside them: the same lives, one resolution each."""
    bench = Bench(rules()).series(range(60), host="a", x=80)
    before = {alert["id"] for alert in bench.documents(Sink.ALERTS)}
    bench.change(to)
    if restart:
        bench.restart()
    after = calm_down(bench).documents(Sink.ALERTS)
    assert [(alert["rule"], alert["event"], alert["reason"]) for alert in after] == [
        ("now", "resolved", "cleared"),
        ("hot", "resolved", "cleared"),
    ]
    assert {alert["id"] for alert in after} == before
    assert [alert["seq"] for alert in after] == [2, 3]


@pytest.mark.parametrize("restart", [False, True])
def test_a_threshold_above_the_value_clears(restart: bool) -> None:
    """Judged by the new text at the first T above the change, by the old at the change and before."""
    bench = running(rules()).change(rules(hot="90%", now="90%"))
    if restart:
        bench.restart()
    assert calm_down(bench).alerts() == ["60 now resolved warning a cleared", "60 hot resolved warning a cleared"]


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("to", [KPI, "  - {alarm: another, by: host, when: max(x over 20s) > 99%}\n"])
def test_a_rule_that_goes_resolves_its_alarms(to: str, restart: bool) -> None:
    """With a reason, at the change."""
    bench = running(rules()).change(to)
    if restart:
        bench.restart()
    assert calm_down(bench).alerts() == [
        "59.001 now resolved warning a rule_removed",
        "59.001 hot resolved warning a rule_removed",
    ]


def test_a_rule_that_comes_judges_above_the_change() -> None:
    """Windows that began before it are warming; KPI windows give what came after."""
    bench = (
        Bench(KPI)
        .series(range(0, 60, 2), host="a", x=80)
        .change(KPI + "  - {alarm: new, by: host, when: avg(x over 20s) > 50%}\n")
    )
    found = bench.series(range(60, 120, 2), host="a", x=80).clock(120)
    assert found.alerts() == ["80 new fired warning a"]
    assert found.rows() == [f"{at}-{at + 10} k a n=5" for at in range(0, 120, 10)]


def test_another_step_changes_nothing_for_other_rules() -> None:
    """A finer rule on the same keys has panes of its own, behind the exchange too."""
    wide = "  - {kpi: wide, by: site, every: 60s, values: {n: count(), s: sum(x)}}\n"
    fine = "  - {kpi: fine, by: site, every: 7s, values: {n: count()}}\n"
    told = []
    for changes in ([], [wide + fine, wide], [fine + wide]):
        bench = Bench(wide, partitions=2).series(range(0, 100, 3), host="a", site="s", x=1)
        for to in changes:
            bench.change(to).series(range(100, 130, 3), host="a", site="s", x=1) if to != wide else bench.change(to)
        bench = bench if changes else bench.series(range(100, 130, 3), host="a", site="s", x=1)
        told.append([row for row in bench.clock(300).rows() if " wide " in row])
    assert told[0] == told[1] == told[2]
    assert len(told[0]) == 3


def test_the_first_rule_behind_the_exchange_brings_its_stage() -> None:
    """And the last one that goes leaves nothing undone."""
    by_site = "  - {kpi: sites, by: site, every: 10s, values: {n: count()}}\n"
    bench = Bench(KPI).series(range(0, 30, 5), host="a", site="s").change(KPI + by_site)
    bench.series(range(30, 60, 5), host="a", site="s").clock(60)
    assert [row for row in bench.rows() if "sites" in row] == [f"{t}-{t + 10} sites s n=2" for t in range(30, 60, 10)]
    bench.change(KPI).series(range(60, 90, 5), host="a", site="s").clock(90)
    assert bench.rows() == [f"{t}-{t + 10} k a n=2" for t in range(60, 90, 10)]


def test_tables_change_at_the_instant() -> None:
    """Events before it meet the old rows, whenever they come."""
    rule = "  - {alarm: spare, by: host, when: role == 'spare'}\n"
    bench = Bench(rule).at(10, host="a").change(rule, tables={"devices": "host,role\na,spare\n"})
    assert bench.at(9.5, host="a").alerts() == []
    assert bench.at(11, host="a").alerts() == ["11 spare fired warning a"]


WIDER = "host,role,weight,tier\na,critical,2,gold\nb,spare,0.5,tin\n"


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("backfill_s", [0, 3600])
def test_a_column_may_come_and_go_with_the_rule_that_reads_it(backfill_s: int, restart: bool) -> None:
    """Events of before the change meet the new rule, and later ones for a while the panes of the old one."""
    other = "  - {alarm: old, by: host, when: avg(x over 60s) > 200}\n"
    golden = other + "  - {kpi: k, by: host, where: devices.tier == 'gold', every: 10s, values: {n: count()}}\n"
    bench = Bench(other, backfill_s=backfill_s).feed(*((at, {"host": "a", "x": 1}) for at in range(10, 20)))
    bench.change(golden, tables={"devices": WIDER})
    if restart:
        bench.restart()
    late = [(at, {"host": "a", "x": 1}) for at in (18.5, 20, 21, 30)]
    bench.feed(*late).clock(30)
    assert bench.rows() == (["10-20 k a n=11"] if backfill_s else []) + ["20-30 k a n=2"]
    bench.change(other)
    if restart:
        bench.restart()
    bench.feed((29.5, {"host": "a", "x": 1}), (31, {"host": "a", "x": 1}), (50, {"host": "a", "x": 1})).clock(50)
    assert bench.rows() == []


@pytest.mark.parametrize("restart", [False, True])
def test_a_batch_across_the_change_is_judged_once(restart: bool) -> None:
    """At once, in log order: rows up to the first beyond the change by the old text, the rest by the new."""
    old = "  - {alarm: now, by: host, when: x > 50%}\n"
    bench = Bench(old).at(10, host="b", x=1).change(old.replace("50", "70"))
    if restart:
        bench.restart()
    bench.feed((9.5, {"host": "a", "x": 60}), (9.6, {"host": "c", "x": 60}), (10.5, {"host": "a", "x": 60}))
    bench.at(10.6, host="c", x=80).clock(20)
    assert bench.alerts() == [
        "9.5 now fired warning a",
        "9.6 now fired warning c",
        "10.5 now resolved warning a cleared",
    ]


def test_edits_in_quick_succession_hand_on_what_they_were_handed() -> None:
    """Two changes before the watermark passes the first; the last text is the one that judges."""
    at_once = "  - {alarm: now, by: host, when: x > 50%}\n"
    held = "  - {alarm: hot, by: host, when: max(x over 10s) > 50%, partial: true}\n"
    bench = Bench(at_once + held).series(range(10), host="a", x=80).clock(10, topics=["other"])
    bench.change((at_once + held).replace("50%", "60%")).at(9.5, host="a", x=80)
    bench.change((at_once + held).replace("50%", "70%"))
    bench.series(range(10, 20), host="a", x=80).series(range(20, 40), host="a", x=65).clock(40)
    assert bench.alerts() == [
        "0 now fired warning a",
        "10 hot fired warning a",
        "20 now resolved warning a cleared",
        "30 hot resolved warning a cleared",
    ]


def test_a_field_may_change_its_kind_with_the_rules() -> None:
    """What nobody declared is what its uses say; other readers go on."""
    one = "  - {alarm: one, by: host, when: code == 'a'}\n"
    two = "  - {alarm: two, by: host, when: code > 5}\n"
    bench = Bench(one + KPI).at(1, host="a", code="a").change(two + KPI).at(2, host="a", code=7).clock(10)
    assert sorted(bench.alerts()) == [
        "1 one fired warning a",
        "1.001 one resolved warning a rule_removed",
        "2 two fired warning a",
    ]
    assert bench.rows() == ["0-10 k a n=2"]


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("jump", [40, 400])
def test_rows_of_a_kpi_that_come_after_the_change_reach_the_rules_of_their_time(jump: float, restart: bool) -> None:
    """The window that ends before it is judged after it, with others, in one step of the watermark."""
    first = (
        KPI + "  - {alarm: any, source: k, when: n > 0}\n  - {alarm: held, source: k, by: host, when: n > 0 for 1s}\n"
    )
    bench = Bench(first).series((5, 15, 20.5), host="a", x=1)
    assert bench.alerts()[0].startswith("9.999 any")
    bench.change(
        first
        + "  - {alarm: more, source: k, when: n > 9}\n  - {alarm: busy, source: k, by: host, when: n > 9 for 1s}\n"
    )
    if restart:
        bench.restart()
    after = bench.at(jump, host="a", x=1).alerts()
    assert [line for line in after if " any " in line] == ["19.999 any fired warning", "29.999 any fired warning"]
    assert [line for line in after if " held " in line] == ["19.999 held fired warning a"]


TWINS = """\
  - {{kpi: one, by: host, every: 10s, values: {{n: count(), peak: max(x over 20s)}}{1}}}
  - {{kpi: twin, by: host, every: 10s, values: {{n: count(), peak: max(x over {0})}}{1}}}
  - {{kpi: rows, source: one, by: host, every: 10s, over: 70s, values: {{windows: count(), all: sum(n)}}}}
"""


@pytest.mark.parametrize("more", ["", ", top: 1 by n"])
def test_a_node_that_ends_judges_before_those_that_read_it(more: str) -> None:
    """Both KPIs are one node, and then not: up to E the old one gives the rows that a reader waits for."""

    def rows(edits: bool) -> list[str]:
        it = Bench(TWINS.format("20s", more))
        for at in range(0, 120, 2):
            it.at(at, host="a", x=1)
            if edits and at == 50:
                it.change(TWINS.format("30s", more))
        return [row for row in it.clock(130).rows() if " rows " in row]

    assert rows(edits=True) == rows(edits=False)
