"""`unless`: what is written muted, what is told afterwards."""

from __future__ import annotations

import pytest

from streamwatchd.shard.output import Sink
from tests.operators.bench import Bench, compiled, seconds

SITE = "  - {alarm: site_down, by: site, when: max(n over 10s) >= 9}\n"
HOT = "  - {alarm: hot, by: host, when: avg(x over 10s) > 50%, unless: firing(site_down)}\n"
SITES = {"devices": "host,site_name,site\na,x,x\nb,y,y\n"}
SOURCES = """\
m: {topic: m, time: ts, unit: ms, max_delay: 1s, key: host, enrich: {devices: host},
  fields: {x: {type: float, unit: percent}, host: string, n: int}}
other: {topic: other, time: ts, unit: ms, max_delay: 1s, fields: {host: string, n: int}}
"""


def bench(rules: str, **more: object) -> Bench:
    return Bench(rules, tables=SITES, sources=SOURCES, **more)  # type: ignore[arg-type]


def told(bench: Bench, rule: str = "hot") -> list[str]:
    """`AT event key muted_by`, of one rule."""
    return [
        " ".join(
            str(part)
            for part in (seconds(a["at"]), a["event"], *a["key"].values(), a["muted_by"] or "")  # type: ignore[attr-defined]
            if part
        )
        for a in bench.documents(Sink.ALERTS)
        if a["rule"] == rule
    ]


@pytest.mark.parametrize("restarts", [False, True])
def test_what_is_still_true_afterwards_is_told_once(restarts: bool) -> None:
    """The site of host a goes down with it, and comes back before it does."""
    it = bench(SITE + HOT)
    for at in range(0, 100, 2):
        it.at(at, host="a", x=90 if 20 <= at < 80 else 10, n=9 if 20 <= at < 50 else 0)
        it.at(at, host="b", x=90 if 20 <= at < 40 else 10, n=0)
        if restarts and at % 10 == 6:
            it.restart()
    assert told(it.clock(120)) == [
        "30 fired b",
        "30 fired a firing(site_down)",
        "50 resolved b",
        "60 unmuted a",
        "90 resolved a",
    ]


def test_what_ends_while_it_is_muted_is_never_told() -> None:
    """Both events are written, both muted."""
    it = bench(SITE + HOT)
    for at in range(0, 100, 2):
        it.at(at, host="a", x=90 if 20 <= at < 40 else 10, n=9 if 20 <= at < 70 else 0)
    assert told(it.clock(120)) == ["30 fired a firing(site_down)", "50 resolved a firing(site_down)"]


def test_whoever_was_told_that_it_fires_is_told_that_it_ends() -> None:
    """Muting begins in between: a pager must not stay open."""
    it = bench(SITE + HOT)
    for at in range(0, 100, 2):
        it.at(at, host="a", x=90 if 20 <= at < 60 else 10, n=9 if 40 <= at < 90 else 0)
    assert told(it.clock(120)) == ["30 fired a", "70 resolved a"]


def test_growing_worse_while_muted_is_told_afterwards() -> None:
    """With the severity that it has then."""
    levels = 'levels: {critical: "avg(x over 10s) > 80%", warning: "avg(x over 10s) > 50%"}'
    it = bench(SITE + HOT.replace("when: avg(x over 10s) > 50%", levels))
    for at in range(0, 100, 2):
        it.at(at, host="a", x=60 if at < 40 else 90, n=9 if 40 <= at < 70 else 0)
    assert told(it.clock(95)) == ["10 fired a", "50 escalated a firing(site_down)", "80 unmuted a"]


def test_a_muted_alarm_counts_for_no_storm() -> None:
    """`max_active` bounds notifications."""
    rule = HOT.replace("unless: firing(site_down)", 'max_active: 1, unless: during(works) and host == "a"')
    it = bench(rule, calendars=WORKS)
    for at in range(0, 60, 2):
        it.at(at, host="a", x=90).at(at, host="b", x=90 if at >= 20 else 0)
    assert told(it.clock(60)) == ["10 fired a during(works)", "30 fired b", "40 unmuted a storm", "40 storm"]


def test_calendars_mute_by_time_alone() -> None:
    """From the first instant of the stretch on, and not at its end."""
    it = bench(HOT.replace("firing(site_down)", "during(works)"), calendars=WORKS)
    it.series(range(0, 110, 2), host="a", x=90)
    assert told(it) == ["10 fired a during(works)", "40 unmuted a"]


LONG = {"works": 'during: [{from: "2026-01-05 00:00:10", to: "2026-01-05 01:00:00"}]\n'}
WORKS = {"works": 'during: [{from: "2026-01-05 00:00:10", to: "2026-01-05 00:00:40"}]\n'}


def test_an_edit_keeps_who_was_told_of_what() -> None:
    """Muted stays muted under another threshold; without `unless` it is told."""
    rule = HOT.replace("firing(site_down)", "during(works)")
    it = bench(rule, calendars=LONG).series(range(0, 30, 2), host="a", x=90)
    it.change(rule.replace("50%", "40%"), tables=SITES, sources=SOURCES)
    it.series(range(30, 60, 2), host="a", x=90).restart()
    it.change(rule.replace(", unless: during(works)", ""), tables=SITES, sources=SOURCES)
    it.restart().series(range(60, 80, 2), host="a", x=90)
    assert told(it) == ["10 fired a during(works)", "60 unmuted a"]


def test_a_calendar_that_changes_counts_from_then_on() -> None:
    """What it no longer holds is told."""
    rule = HOT.replace("firing(site_down)", "during(works)")
    it = bench(rule, calendars=LONG).series(range(0, 30, 2), host="a", x=90)
    it.calendars = WORKS
    it.change(rule, tables=SITES, sources=SOURCES).series(range(30, 80, 2), host="a", x=90)
    assert told(it) == ["10 fired a during(works)", "40 unmuted a"]


def test_an_alarm_that_is_up_already_mutes_a_rule_that_asks_from_now_on() -> None:
    """Its state is told when the question comes."""
    cold = HOT.replace("hot", "cold").replace("when:", "min_history: 5s, when:")
    it = bench(SITE).series(range(0, 40, 2), host="a", x=90, n=9)
    it.change(SITE + cold, tables=SITES, sources=SOURCES)
    it.series(range(40, 80, 2), host="a", x=90, n=9)
    assert told(it, "cold") == ["50 fired a firing(site_down)"]


HEAT = "  - {alarm: hot, by: host, labels: {team: noc}, when: avg(x over 10s) > 50%}\n"


def silence(text: str) -> dict[str, str]:
    return {"works": f"silences:\n  - {{silence: upgrade, rules: hot, reason: a new router, {text}}}\n"}


@pytest.mark.parametrize("restarts", [False, True])
def test_a_silence_mutes_for_a_while_and_says_its_name(restarts: bool) -> None:
    """Of one host; what is up when it ends is told once."""
    where = 'where: host == "a" and role == "critical" and team == "noc"'
    lasts = 'from: "2026-01-05 00:00:20", until: "2026-01-05 00:00:50"'
    it = Bench(HEAT, silences=silence(f"{lasts}, {where}".replace("where: ", "where: '") + "'"))
    for at in range(0, 90, 2):
        it.at(at, host="a", x=90 if at >= 15 else 10).at(at, host="b", x=90 if at >= 15 else 10)
        if restarts and at % 10 == 6:
            it.restart()
    assert told(it.clock(90)) == ["30 fired a silence(upgrade)", "30 fired b", "50 unmuted a"]


def test_a_silence_that_comes_while_an_alarm_is_up_mutes_what_follows_and_not_its_end() -> None:
    """Whoever was told that it fires is told that it ends; what else begins is not told, and told when it is lifted."""
    levels = 'levels: {critical: "avg(x over 10s) > 80%", warning: "avg(x over 10s) > 50%"}'
    rules = HEAT.replace("when: avg(x over 10s) > 50%", levels)
    it = Bench(rules)
    for at in range(0, 24, 2):
        it.at(at, host="a", x=60).at(at, host="b", x=60).at(at, host="c", x=10)
    it.silences = silence('until: "2026-01-05 01:00"')
    it.change(rules).restart()
    for at in range(24, 44, 2):
        it.at(at, host="a", x=90).at(at, host="b", x=10).at(at, host="c", x=90)
    it.silences = {}
    it.change(rules)
    for at in range(44, 70, 2):
        it.at(at, host="a", x=90).at(at, host="b", x=10).at(at, host="c", x=90)
    found = told(it.clock(70))
    assert found[:2] == ["10 fired a", "10 fired b"]
    assert sorted(found[2:]) == [
        "30 fired c silence(upgrade)",
        "30 resolved b",
        "40 escalated a silence(upgrade)",
        "40 escalated c silence(upgrade)",
        "50 unmuted a",
        "50 unmuted c",
    ]


def test_a_silence_costs_no_state() -> None:
    """Windows, holds and places stay as they are; nothing is a node's own meaning."""
    silenced = compiled(HEAT, silences=silence("during: works"), calendars=WORKS).program
    plain = compiled(HEAT).program
    assert silenced is not None
    assert plain is not None
    assert (silenced.plan.first, silenced.plan.later) == (plain.plan.first, plain.plan.later)
    assert silenced.digest != plain.digest, "it is content, put in force as such"
