"""The nine kinds of edit: what stays, what warms and what goes."""

from __future__ import annotations

import pytest

from streamwatchd.operators import asking
from streamwatchd.shard.output import Sink
from tests.operators.bench import Bench

HOT = """\
  - alarm: hot
    by: host
    when: avg(x over 30s) > 50% for 20s
    message: "hot"
"""
GRACE_S = asking.GRACE_MS // 1000


def burning(rules: str = HOT) -> Bench:
    """`a` is high from 0 on: known whole at 30, pending from then, firing from 50; now it is just past 59."""
    bench = Bench(rules).series(range(60), host="a", x=80)
    assert bench.alerts() == ["30 hot pending warning a", "50 hot fired warning a"]
    return bench


def go_on(bench: Bench, until: int = 120, *, x: float = 80, start: int = 60) -> list[str]:
    return bench.series(range(start, until), host="a", x=x).clock(until).alerts()


def ids(bench: Bench) -> set[object]:
    return {alert["id"] for alert in bench.documents(Sink.ALERTS)}


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize(
    "to",
    [
        HOT.replace("50%", "40%"),
        HOT.replace('"hot"', '"very hot"'),
        HOT + "    labels: {team: noc}\n    runbook: https://runbooks.example/hot\n",
        HOT.replace("for 20s", "for 40s"),
        HOT.replace("for 20s", "for 20s until avg(x over 30s) < 20% for 30s"),
    ],
)
def test_kinds_1_and_2_thresholds_words_and_holds_keep_all(to: str, restart: bool) -> None:
    """What fires goes on firing, and nobody hears of the edit."""
    bench = burning().change(to)
    if restart:
        bench.restart()
    assert go_on(bench) == []
    (found,) = go_on(bench, 300, x=10, start=120)
    assert found == ("180" if "until" in to else "140") + " hot resolved warning a cleared"


def test_kind_1_a_severity_is_told_as_a_step_of_the_same_alarm() -> None:
    """With the same id: who is paged for critical alarms has to hear."""
    bench = Bench(HOT).series(range(60), host="a", x=80)
    before = ids(bench)
    bench.change(HOT + "    severity: critical\n").series(range(60, 90), host="a", x=80).clock(90)
    after = bench.documents(Sink.ALERTS)
    assert [(each["event"], each["previous"], each["severity"]) for each in after] == [
        ("escalated", "warning", "critical")
    ]
    assert {each["id"] for each in after} == before


def test_kind_1_a_level_more_or_less_leaves_the_others() -> None:
    """Levels go on by their severity."""
    two = HOT.replace(
        "    when: avg(x over 30s) > 50% for 20s\n",
        "    levels:\n      critical: avg(x over 30s) > 95%\n      warning: avg(x over 30s) > 50% for 20s\n",
    )
    bench = burning().change(two)
    assert go_on(bench) == []
    bench.change(HOT)
    assert go_on(bench, 180, start=120) == []
    assert go_on(bench, 240, x=1, start=180) == ["200 hot resolved warning a cleared"]


def test_kind_2_a_hold_goes_on_from_where_it_began() -> None:
    """Pending since 30: with 20 s less to wait it fires at the first judgement above the change."""
    slow = HOT.replace("for 20s", "for 60s")
    bench = Bench(slow).series(range(60), host="a", x=80)
    assert bench.alerts() == ["30 hot pending warning a"]
    assert go_on(bench.change(HOT)) == ["60 hot fired warning a"]


@pytest.mark.parametrize("restart", [False, True])
def test_kind_3_a_window_that_kept_panes_cover_is_valid_at_once(restart: bool) -> None:
    """Shorter, or as long as another rule keeps panes for."""
    other = "  - {alarm: long, by: host, when: max(x over 90s) > 200}\n"
    bench = Bench(HOT + other).series(range(120), host="a", x=80)
    assert bench.alerts() == ["30 hot pending warning a", "50 hot fired warning a"]
    for to in (HOT.replace("over 30s", "over 10s"), HOT.replace("over 30s", "over 90s")):
        bench = Bench(HOT + other).series(range(120), host="a", x=80)
        bench.alerts()
        bench.change(to + other).series(range(120, 130), host="a", x=1)
        if restart:
            bench.restart()
        bench.series(range(130, 230), host="a", x=1).clock(230)
        (found,) = bench.alerts()
        assert found == ("130" if "over 10s" in to else "160") + " hot resolved warning a cleared"


@pytest.mark.parametrize("restart", [False, True])
def test_kind_4_a_wider_window_warms_from_what_is_there(restart: bool) -> None:
    """5 minutes over panes of 30 s: no judgement until the window is whole; what fires stays firing meanwhile."""
    bench = burning().change(HOT.replace("avg(x over 30s) > 50%", "count(over 300s) < 1000"))
    bench.series(range(60, 70), host="a", x=80)
    if restart:
        bench.restart()
    assert go_on(bench, 320, start=70) == []
    low = "  - {alarm: low, by: host, when: count(over 30s) < 10}\n"
    bench = Bench(low).series(range(600), host="a", x=80).change(low.replace("over 30s", "over 300s"))
    bench.series(range(600, 610), host="a", x=80)
    if restart:
        bench.restart()
    # 30 s were kept, so the window is whole 270 s after the change, and never looks emptier than it was
    assert bench.series(range(610, 1_000), host="a", x=80).clock(1_000).alerts() == []
    assert bench.clock(1_400).alerts() == ["1300 low fired warning a"]


def test_kind_4_a_coarse_table_takes_in_the_fine_panes_that_are_there() -> None:
    """288 steps at 1 s: a window of 10 minutes moves by 3 s; it is whole 10 minutes after the oldest pane kept."""
    fine = "every: 1s, by: host, when: count(over 280s) > 0"
    wide = "every: 1s, by: host, when: count(over 600s) >= 600"
    bench = Bench(f"  - {{alarm: fine, {fine}}}\n").series(range(1_000), host="a", x=1)
    bench.alerts()
    bench.change(f"  - {{alarm: fine, {fine}}}\n  - {{alarm: wide, {wide}}}\n")
    (found,) = bench.series(range(1_000, 1_700), host="a", x=1).clock(1_700).alerts()
    assert 1_315 < float(found.split()[0]) <= 1_330


def test_kind_5_finer_panes_begin_at_the_change() -> None:
    """The old ones serve up to there; the alarm lives on, and is judged again once its windows are whole."""
    bench = burning().change(HOT.replace("    when", "    every: 7s\n    when"))
    assert go_on(bench, 100) == []
    assert go_on(bench, 200, x=1, start=100) == ["116 hot resolved warning a cleared"]


@pytest.mark.parametrize("restart", [False, True])
def test_kind_6_an_aggregate_more_warms_alone(restart: bool) -> None:
    """Levels that do not read it go on."""
    two = """\
  - alarm: hot
    by: host
    levels:
      critical: max(x over 60s) > 70%
      warning: avg(x over 30s) > 50% for 20s
    message: "hot"
"""
    bench = burning().change(two).series(range(60, 70), host="a", x=80)
    if restart:
        bench.restart()
    assert go_on(bench, 140, start=70) == ["120 hot escalated critical a"]


def test_kind_6_a_kpi_shows_a_new_value_at_once_over_what_has_come() -> None:
    """From the first pane that has it whole."""
    one = "  - {kpi: k, by: host, every: 10s, over: 20s, values: {n: count()}}\n"
    two = one.replace("{n: count()}", "{n: count(), s: sum(x)}")
    bench = Bench(one).series(range(35), host="a", x=1).change(two)
    rows = bench.series(range(35, 70), host="a", x=1).clock(70).rows()
    assert rows[-4:] == ["20-40 k a n=20 s=0", "30-50 k a n=20 s=10", "40-60 k a n=20 s=20", "50-70 k a n=20 s=20"]


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("seen", [False, True])
def test_kind_7_another_filter_begins_anew_and_the_alarm_waits_for_it(seen: bool, restart: bool) -> None:
    """Its windows fill from the change; a key of which they hear nothing resolves once they would be full."""
    bench = burning().change(HOT.replace("    when", "    where: site == 's'\n    when"))
    bench.series(range(60, 65), host="a", x=80)
    if restart:
        bench.restart()
    site = {"site": "s"} if seen else {}
    bench.series(range(65, 150), host="a", x=80, **site).clock(150)
    assert bench.alerts() == ([] if seen else ["100 hot resolved warning a rule_changed"])


@pytest.mark.parametrize("restart", [False, True])
def test_an_alarm_that_waits_no_more_for_order_begins_anew_and_holds_up_no_neighbour(restart: bool) -> None:
    """Its old judgement lags by the watermark; a rule of the same shape that is judged at once misses no row by it."""
    now = "  - {alarm: now, by: host, when: x > 50%}\n"
    bench = Bench(now + "  - {alarm: slow, by: host, when: x > 70% for 5s}\n").series(range(30), host="a", x=80)
    assert bench.alerts() == ["0 now fired warning a", "0 slow pending warning a", "5 slow fired warning a"]
    bench.change(now + "  - {alarm: slow, by: host, when: x > 70%}\n")
    if restart:
        bench.restart()
    bench.at(29.5, host="a", x=80).at(29.6, host="a", x=10).series(range(30, 33), host="a", x=60)
    found = bench.series(range(33, 36), host="a", x=80).clock(36).alerts()
    assert sorted(found) == [
        "29.001 slow resolved warning a rule_changed",
        "29.5 slow fired warning a",
        "29.6 now resolved warning a cleared",
        "29.6 slow resolved warning a cleared",
        "30 now fired warning a",
        "33 slow fired warning a",
    ]


def test_kind_7_other_keys_are_other_alarms() -> None:
    """Those of the old keys end with a reason."""
    bench = burning().change(HOT.replace("by: host", "by: [host, site]"))
    bench.series(range(60, 130), host="a", site="s", x=80).clock(130)
    assert bench.alerts() == [
        "59.001 hot resolved warning a rule_changed",
        "90 hot pending warning a,s",
        "110 hot fired warning a,s",
    ]


RENAMED = [
    pytest.param(HOT, id="windows"),
    pytest.param(HOT + "    late: amend\n    amend_for: 1m\n", id="amended windows"),
    pytest.param(HOT.replace("avg(x over 30s) > 50% for 20s", "x > 50%"), id="at once"),
    pytest.param(
        "  - {alarm: hot, by: host, sequence: ['x > 50%', 'x > 50%'], within: 1m, until: 'x < 20%'}\n", id="sequence"
    ),
    pytest.param(
        "  - {alarm: hot, by: host, sequence: [{other: n > 0}, 'x > 50%'], within: 2m, until: 'x < 20%'}\n",
        id="sequence of two sources",
    ),
]


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("rules", RENAMED)
def test_kind_8_a_rename_is_no_page(rules: str, restart: bool) -> None:
    """The alarm goes on under the new name, with its id; a neighbour of the same shape stays out of it."""
    other = rules.replace("hot", "cold").replace("50%", "99%")
    bench = Bench(rules + other).at(0, topic="other", host="a", n=1).series(range(60), host="a", x=80).clock(59)
    before = ids(bench)
    bench.change(rules.replace("alarm: hot", "alarm: warm") + other)
    if restart:
        bench.restart()
    assert go_on(bench) == []
    after = bench.series(range(120, 160), host="a", x=1).clock(160).documents(Sink.ALERTS)
    assert [(each["rule"], each["event"]) for each in after] == [("warm", "resolved")]
    assert {each["id"] for each in after} == before


def test_kind_8_rules_that_move_between_files_are_what_they_were() -> None:
    """Names count, not places: the plan is the same."""
    other = HOT.replace("hot", "cold")
    one, two = Bench(HOT + other).driver.program, Bench(other + HOT).driver.program
    assert one.digest == two.digest


def test_kind_9_a_rule_that_goes_ends_its_alarms_and_leaves_nothing() -> None:
    """With a reason, at the change; its panes follow after a grace."""
    bench = burning().change("  - {kpi: rest, source: other, by: host, every: 10s, values: {n: count()}}\n")
    assert go_on(bench) == ["59.001 hot resolved warning a rule_removed"]
    task = next(iter(bench.driver.shards[0].tasks.values()))
    assert len(task.flow.families) == 1
    bench.clock(60 + GRACE_S).clock(61 + GRACE_S)
    assert (len(task.flow.families), len(task.flow.nodes)) == (0, 0)


KPI = "  - {kpi: sums, by: host, every: 10s, values: {n: count(), s: sum(x)}}\n"
SITES = KPI.replace("sums", "sites").replace("by: host", "by: site")
ALARMS = {
    "on windows": "by: host, when: avg(x over 30s) > 50%",
    "on windows, held": "by: host, when: avg(x over 30s) > 50% for 10s until avg(x over 30s) < 40% for 20s",
    "on windows, pending": "by: host, when: avg(x over 30s) > 50% for 10m",
    "on windows, of several levels": "by: host, levels: {critical: max(x over 10s) > 70%, warning: x10 > 5}, "
    "values: {x10: max(x over 10s)}",
    "on windows, behind the exchange": "by: site, when: avg(x over 30s) > 50%",
    "on windows, of all keys together": "when: avg(x over 30s) > 50%",
    "on windows, lifted": "by: host, where: site == 's', when: avg(x over 30s) > 50%",
    "on the windows of a KPI": "by: host, source: sums, when: sum(n over 30s) > 5",
    "at once": "by: host, when: x > 50%",
    "in order": "by: host, in_order: true, when: x > 50%",
    "in order, held": "by: host, when: x > 50% for 10s",
    "in order, behind the exchange": "by: site, when: x > 50%",
    "on the rows of a KPI": "by: host, source: sums, when: n > 5",
    "on the rows of a KPI behind the exchange": "by: site, source: sites, when: n > 5",
    "on joined KPIs": "by: site, source: [sites, more], when: sites.n > 5",
    "of silence": "by: host, when: avg(x over 10s) > 99%, no_data: alert after 20s",
    "of silence on rows": "by: host, every: 10s, when: x > 99%, no_data: alert after 20s",
}


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize("others", [False, True])
@pytest.mark.parametrize("kind", ALARMS)
def test_kind_9_an_alarm_of_every_kind_resolves_with_its_rule(kind: str, others: bool, restart: bool) -> None:
    """Once, at the change, with a reason; one of another rule of its shape stays up."""
    rest = KPI + SITES + SITES.replace("sites", "more")
    rule, like = (f"  - {{alarm: {name}, {ALARMS[kind]}}}\n" for name in ("gone", "stays"))
    rest += like if others else ""
    until = 100 if "silence" in kind else 60
    bench = Bench(rest + rule).feed(*((at, {"host": "a", "site": "s", "x": 80}) for at in range(60))).clock(until)
    up = {line.split()[1] for line in bench.alerts() if " fired " in line or " pending " in line or "no_data" in line}
    assert up == ({"gone", "stays"} if others else {"gone"})
    bench.change(rest)
    if restart:
        bench.restart()
    bench.clock(until + 12)
    told = [(a["rule"], a["event"], a["state"], a["reason"]) for a in bench.documents(Sink.ALERTS)]
    assert [each for each in told if each[0] == "gone"] == [("gone", "resolved", "resolved", "rule_removed")]
    assert "rule_removed" not in {reason for rule, _, _, reason in told if rule == "stays"}
    assert not any(" gone " in line for line in bench.clock(until + 40).alerts())


def test_kind_9_an_occurrence_has_no_end() -> None:
    """There is nothing to resolve."""
    bench = Bench(KPI + "  - {alarm: gone, when: x > 50%}\n").at(5, host="a", x=80)
    assert bench.alerts() == ["5 gone fired warning"]
    assert bench.change(KPI).clock(60).alerts() == []


@pytest.mark.parametrize("restart", [False, True])
@pytest.mark.parametrize(("back_at", "known"), [(60 + GRACE_S // 2, True), (600 + GRACE_S, False)])
def test_an_edit_taken_back_finds_its_panes_within_the_grace(back_at: int, known: bool, restart: bool) -> None:
    """Later it begins anew."""
    rule = "  - {alarm: silent, by: host, when: count(over 300s) < 200}\n"
    other = "  - {kpi: rest, by: site, every: 10s, values: {n: count()}}\n"
    bench = Bench(rule + other).series(range(0, 400, 1), host="a", x=1)
    assert bench.alerts() == []
    bench.change(other).series(range(400, back_at, 10), host="a", x=1)
    if restart:
        bench.restart()
    bench.change(rule + other).series(range(back_at, back_at + 500, 10), host="a", x=1).clock(back_at + 500)
    first = float(bench.alerts()[0].split()[0])
    assert (first <= back_at + 20) is known
    assert known or first >= back_at + 290


def test_sessions_that_are_open_outlive_an_edit_of_words() -> None:
    """One row for each session, whole."""
    rule = "  - {kpi: s, by: host, session: 20s, values: {n: count()}}\n"
    bench = Bench(rule).series(range(0, 60, 5), host="a")
    bench.change(rule.replace("values", "labels: {a: b}, values")).series(range(60, 90, 5), host="a")
    bench.change(rule.replace("n: count()", "n: count(), m: max(x)")).series(range(90, 120, 5), host="a", x=7)
    assert bench.clock(200).rows() == ["0-135 s a n=24 m=7"]


def test_a_session_kpi_that_comes_to_old_panes_begins_at_the_change() -> None:
    """With the pane that the change is in: it tells of no session that ended before."""
    rule = "  - {kpi: one, by: host, session: 20s, values: {n: count()}}\n"
    bench = Bench(rule).at(0, host="a").at(100, host="a")
    bench.change(rule + rule.replace("one", "two")).at(103, host="a").at(200, host="a").clock(300)
    assert [row for row in bench.rows() if "two" in row] == ["100-123 two a n=2", "200-220 two a n=1"]


def test_what_goes_behind_the_exchange_leaves_nothing_there() -> None:
    """Feeders stop sending once the last reader has passed, on both sides."""
    by_site = "  - {kpi: sites, by: site, every: 10s, values: {n: count()}}\n"
    own = "  - {kpi: k, by: host, every: 10s, values: {n: count()}}\n"
    bench = Bench(own + by_site, partitions=2)
    for partition in (0, 1):
        bench.series(range(60), partition=partition, host="a", site="s")
    bench.change(own).clock(100).clock(100 + GRACE_S).clock(200 + GRACE_S).clock(300 + GRACE_S)
    for task, it in bench.driver.shards[0].tasks.items():
        assert len(it.flow.families) == (1 if task.topic == "m" else 0), task
        assert not it.flow.wiring.stages_of("m")
    assert len(bench.driver.watermarks()) == 3


def test_rows_that_wait_have_nothing_of_other_rules() -> None:
    """A rule beside it that judges the same rows at once, and has values, comes while some wait."""
    waits = "  - {alarm: slow, by: host, when: x > 50%, in_order: true}\n"
    bench = Bench(waits).feed((1.0, {"host": "a", "x": 90}))
    bench.change(waits + "  - {alarm: fast, by: host, values: {v: x + 1}, when: v > 95%}\n")
    bench.feed((1.5, {"host": "a", "x": 10}), (1.2, {"host": "b", "x": 99}))
    bench.clock(5)
    assert [line for line in bench.alerts() if "slow" in line] == [
        "1 slow fired warning a", "1.2 slow fired warning b", "1.5 slow resolved warning a cleared",
    ]  # fmt: skip


@pytest.mark.parametrize("restart", [False, True])
def test_a_rule_that_ends_knows_its_keys_also_when_one_like_it_has_come_back(
    restart: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a partition that lags behind is judged by the rules that were in force then."""
    monkeypatch.setattr(asking, "GRACE_MS", 0)
    soon = "  - {alarm: soon, by: host, when: count(over 30s) > 0}\n"
    rest = "  - {alarm: rest, every: 20s, by: host, when: count(over 30s) > 99}\n"
    bench = Bench(soon + rest, partitions=2).at(100, host="a")
    bench.change(rest).at(200, host="a").change(soon.replace("soon", "again") + rest)
    for at in range(10, 60, 4):
        bench.at(at, partition=1, host="z")
        if restart and at == 34:
            bench.restart()
    assert bench.alerts() == ["40 soon fired warning z"]


@pytest.mark.parametrize("after", [[14.0], [12.5, 13.2, 14.0]])
def test_behind_the_exchange_a_rule_ends_at_the_change_not_at_its_next_step(after: list[float]) -> None:
    """However the watermark comes to pass it."""
    gone = "  - {alarm: gone, by: site, when: count(over 10s) > 0, partial: true}\n"
    rest = "  - {kpi: rest, by: site, every: 10s, values: {n: count()}}\n"
    bench = Bench(gone + rest).series([1, 12], host="a", site="s")
    bench.change(rest).series(after, host="a", site="s")
    assert bench.alerts() == ["10 gone fired warning s", "12.001 gone resolved warning s rule_removed"]


def test_panes_that_are_let_go_stay_so_while_a_later_stage_has_not_heard_all(monkeypatch: pytest.MonkeyPatch) -> None:
    """The flow knows of the old rules for longer than this family does."""
    monkeypatch.setattr(asking, "GRACE_MS", 0)
    wide = "  - {alarm: wide, every: 1s, by: host, when: count(over 400s) > 9}\n"
    rest = "  - {alarm: rest, every: 1s, by: host, when: count(over 10s) > 9}\n"
    rest += "  - {kpi: far, by: site, every: 60s, values: {n: count()}}\n"
    bench = Bench(wide + rest).series([1, 10], host="a").change(rest).series([20, 30], host="a")
    bench.change(rest.replace("> 9", "> 8")).series([40, 50], host="a")
    (task,) = (task for task in bench.driver.shards[0].tasks.values() if task.id.topic == "m")
    widths = {width for family in task.flow.families.values() for width in family.tables}
    assert widths == {1_000, 60_000}
