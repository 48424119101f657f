"""What a rule makes of a key, read off a running shard: the words and values of its conditions, and nothing changed."""

from __future__ import annotations

from typing import Any

import pytest

from streamwatchd.shard.insight import insight, late_of, up
from streamwatchd.shard.output import Sink
from tests.operators.bench import Bench, through_a_file
from tests.operators.test_muting import silence
from tests.oracle.world import START_MS

LEVELS = """\
  - alarm: hot
    by: host
    values: {x1: avg(x over 1m)}
    levels:
      critical: x1 > 90% for 30s
      warning: x1 > 2 * avg(x over 5m) or x1 > 50% until x1 < 20% for 20s
    no_data: alert after 5m
"""


def only(bench: Bench, rule: str, **key: str) -> dict[str, Any]:
    answers = [each for shard in bench.driver.shards for each in insight(shard, rule, key)]
    assert len(answers) == 1, answers
    return answers[0]


def tree(level: dict[str, Any], side: str = "when") -> list[tuple[int, str, object]]:
    return [(each["depth"], each["text"], each["value"]) for each in level[side]]


def filled(x: float, seconds: int, rules: str = LEVELS) -> Bench:
    return Bench(rules).series(range(0, seconds, 10), host="a", x=x)


def test_a_level_is_shown_with_values_holds_and_what_it_waits_for() -> None:
    """The values are those of the last judgement, in the rule's own words."""
    bench = filled(95, 85)
    answer = only(bench, "hot", host="a")
    critical, warning = answer["levels"]
    assert tree(critical) == [(0, "x1 > 90%", True), (1, "x1 = avg(x over 1m)", 95.0)]
    assert critical["hold"] == {"since_ms": START_MS + 60_000, "need_ms": 30_000, "clears": False}
    assert (2, "2 * avg(x over 5m)", 190.0) in tree(warning)
    assert tree(warning, "until")[0] == (0, "x1 < 20%", False)
    assert answer["judged_at_ms"] == START_MS + 70_000
    assert answer["standing"]["state"] == "pending"


def test_a_warming_window_says_until_when() -> None:
    """The level that reads five minutes is null until then; so is the one of a minute, until its own end."""
    answer = only(filled(95, 45), "hot", host="a")
    assert [level["warming_until_ms"] for level in answer["levels"]] == [START_MS + 60_000, START_MS + 300_000]
    assert answer["standing"] is None


def test_looking_changes_nothing() -> None:
    """Not a byte of the state, and nothing that comes out later."""
    looked, not_looked = filled(95, 200), filled(95, 200)
    shard = looked.driver.shards[0]
    before = through_a_file(shard.snapshot())
    for key in ("a", "b"):
        insight(shard, "hot", {"host": key})
    up(shard, 10)
    assert repr(through_a_file(shard.snapshot())) == repr(before)
    for bench in (looked, not_looked):
        bench.series(range(200, 900, 20), host="b", x=10).series(range(900, 1200, 10), host="a", x=99)
    assert looked.alerts() == not_looked.alerts() != []


def test_the_value_is_the_one_of_the_alert() -> None:
    """Where an alert comes of the last judgement."""
    bench = filled(95, 101)
    alert = bench.documents(Sink.ALERTS)[-1]
    answer = only(bench, "hot", host="a")
    assert (alert["event"], alert["id"]) == ("fired", answer["standing"]["id"])
    assert answer["levels"][0]["when"][1]["value"] == alert["values"]["x1"]  # type: ignore[index]


def test_rules_of_one_shape_are_told_apart() -> None:
    """Each with its own numbers, though they share a node."""
    rules = "".join(
        f"  - {{alarm: r{n}, by: host, where: kind == 'k{n}', when: 'max(x over 20s) > {n}0%'}}\n" for n in (1, 2)
    )
    bench = Bench(rules)
    for at in range(0, 60, 5):
        bench.at(at, host="a", kind="k1", x=15).at(at, host="a", kind="k2", x=7)
    for name, text, value in (("r1", "max(x over 20s) > 10%", True), ("r2", "max(x over 20s) > 20%", False)):
        (level,) = only(bench, name, host="a")["levels"]
        assert tree(level)[0] == (0, text, value)


def test_a_key_that_is_not_there_brings_some_that_are() -> None:
    """First those that hold the text."""
    bench = Bench(LEVELS)
    for number in range(20):
        bench.at(number, host=f"web-{number}", x=1)
    (answer,) = insight(bench.driver.shards[0], "hot", {"host": "WEB-1"})
    assert (answer["keys"], answer["alike"]) == (20, True)
    assert answer["examples"][0] == {"host": "web-1"}
    (answer,) = insight(bench.driver.shards[0], "hot", {"host": "db"})
    assert (answer["alike"], len(answer["examples"])) == (False, 5)


def test_behind_the_exchange_the_task_of_the_key_answers() -> None:
    """One of several, whatever source partition the events came from."""
    bench = Bench("  - {alarm: hot, by: site, when: avg(x over 20s) > 50%}\n", partitions=2)
    for at in range(0, 60, 5):
        bench.at(at, site="s", host="a", x=80, partition=at // 5 % 2)
    answer = only(bench, "hot", site="s")
    assert answer["task"]["stage"] == 2
    assert answer["standing"]["state"] == "firing"


def test_alarms_on_rows_say_how_they_stand_and_what_their_last_event_was() -> None:
    """Of the key; occurrences have no state, and the last event of all."""
    rules = "  - {alarm: hot, by: host, when: x > 50% for 1m}\n  - {alarm: each, when: x > 90%}\n"
    bench = filled(80, 40, rules)
    answer = only(bench, "hot", host="a")
    (level,) = answer["levels"]
    assert level["when"][0] == {"depth": 0, "text": "x > 50%", "unit": "", "value": True}
    assert level["when"][1] == {"depth": 1, "text": "x", "unit": "percent", "value": 80.0}
    assert level["hold"]["since_ms"] == START_MS
    (level,) = only(bench, "each")["levels"]
    assert (level["when"][0]["text"], level["when"][0]["value"], level["hold"]) == ("x > 90%", False, None)


def test_values_of_the_last_event_are_of_the_rule_and_the_key_that_were_asked_for() -> None:
    """Rules of one shape, of which one keeps only some events, and values that others have under the same name."""
    rules = """\
  - {alarm: hot, by: host, values: {v: x * 2}, when: v > 50%}
  - {alarm: hotter, by: host, values: {v: x * 3}, when: v > 70%, where: ok}
  - {alarm: hottest, by: host, values: {v: x * 3}, when: v > 90%, where: ok}
"""
    bench = Bench(rules).at(1, host="a", x=10, ok=True).at(2, host="b", x=20, ok=True).at(3, host="a", x=30, ok=False)

    def value(rule: str, host: str) -> tuple[object, int]:
        answer = only(bench, rule, host=host)
        (found,) = [line["value"] for line in answer["levels"][0]["when"] if line["text"].startswith("v")
                    and "=" in line["text"]]  # fmt: skip
        return found, answer["last_event_ms"] - START_MS

    assert value("hot", "a") == (60.0, 3_000)
    assert value("hotter", "a") == value("hottest", "a") == (30.0, 1_000)
    assert value("hot", "b") == (40.0, 2_000)
    after = only(bench.restart(), "hot", host="a")
    assert "value" not in after["levels"][0]["when"][0]
    assert after["last_event_ms"] == START_MS + 3_000
    assert "so no values" in after["note"]


def test_who_mutes_an_alarm_on_rows_and_whether_somebody_was_told_is_said() -> None:
    """As far as it was asked when the last event was written."""
    lasts = 'from: "2026-01-05 00:00", until: "2026-01-05 01:00"'
    bench = Bench("  - {alarm: hot, by: host, when: x > 50%}\n", silences=silence(lasts)).at(10, host="a", x=60)
    answer = only(bench, "hot", host="a")
    assert (answer["muted_by"], answer["told"], answer["acknowledged"]) == ("silence(upgrade)", False, False)


def test_a_sequence_says_which_steps_are_met() -> None:
    """With the instants of the events that are left."""
    rules = """\
  - alarm: flap
    by: host
    sequence: ['kind == "link_flap"', 'kind == "link_down"']
    within: 10m
"""
    bench = Bench(rules).at(1, host="a", kind="link_flap").at(2, host="a", kind="other").at(30, host="a", kind="other")
    first, second = only(bench, "flap", host="a")["steps"]
    assert (first["met_ms"], second["met_ms"]) == ([START_MS + 1_000], [])


@pytest.mark.parametrize(("end", "due"), [("00:01", [71_000]), ("00:02", [])])
def test_what_falls_due_in_a_pause_is_not_awaited(end: str, due: list[int]) -> None:
    """A sequence says its pause too."""
    rules = """\
  - alarm: gone
    by: host
    sequence: ['kind == "down"', 'not kind == "up"']
    within: 70s
    pause: during(works)
"""
    works = f'during: [{{from: "2026-01-05 00:00:30", to: "2026-01-05 {end}"}}]\n'
    bench = Bench(rules, calendars={"works": works}).at(1, host="a", kind="down").at(5, host="a", kind="other")
    answer = only(bench, "gone", host="a")
    assert (answer["pause"], answer["never"]["fires_at_ms"]) == ("during(works)", [START_MS + each for each in due])


def test_a_kpi_says_its_last_window() -> None:
    """Value by value."""
    bench = Bench("  - {kpi: load, by: host, every: 20s, values: {mean: avg(x), n: count()}}\n")
    bench.series(range(0, 60, 5), host="a", x=40)
    answer = only(bench, "load", host="a")
    assert [each["value"] for each in answer["values"]] == [40.0, 4.0]
    assert answer["window"] == [START_MS + 20_000, START_MS + 40_000]


def test_what_mutes_and_which_tables_are_read_are_said() -> None:
    """With the columns of the key."""
    rules = """\
  - {alarm: down, by: host, when: max(x over 10s) > 90%}
  - alarm: hot
    by: host
    where: devices.role == "critical"
    when: avg(x over 20s) > 50%
    unless: firing(down)
    message: "{host} {devices.role}"
"""
    answer = only(filled(95, 60, rules), "hot", host="a")
    assert (answer["unless"], answer["muted_by"]) == ("firing(down)", "firing(down)")


def test_what_pauses_a_rule_is_said() -> None:
    """Of windows and of rows."""
    rules = """\
  - {alarm: hot, by: host, when: avg(x over 20s) > 50%, pause: during(works)}
  - {alarm: hot_once, by: host, when: x > 50%, pause: not during(works)}
"""
    works = 'during: [{from: "2026-01-05 01:00", to: "2026-01-05 02:00"}]\n'
    bench = Bench(rules, calendars={"works": works}).series(range(0, 60, 5), host="a", x=40)
    assert only(bench, "hot", host="a")["pause"] == "during(works)"
    assert only(bench, "hot_once", host="a")["pause"] == "not during(works)"


def test_the_last_late_event_of_a_key_is_known() -> None:
    """By its place; other keys have none."""
    bench = filled(95, 100).at(5, host="a", x=1).at(7, host="a", x=1)
    late = late_of(bench.driver.shards[0], ["host"], {"host": "a"})
    assert late == {"events": 2, "time_ms": START_MS + 7_000, "place": ["m", 0, 11]}
    assert late_of(bench.driver.shards[0], ["host"], {"host": "b"}) is None


def test_alarms_that_are_up_are_listed() -> None:
    """Not more than asked for, and how many there are."""
    bench = Bench("  - {alarm: hot, by: host, when: x > 50%}\n")
    for number in range(5):
        bench.at(number / 10, host=f"h{number}", x=60 if number else 10)
    rows, total = up(bench.driver.shards[0], 3)
    assert (len(rows), total) == (3, 4)
    assert (rows[0]["rule"], rows[0]["state"], rows[0]["key"]) == ("hot", "firing", {"host": "h1"})
    assert rows[0]["id"]


@pytest.mark.parametrize("rule", ["hot", "each", "flap"])
def test_a_rule_that_this_shard_does_not_run_has_no_answer(rule: str) -> None:
    """As when another host has it."""
    bench = Bench("  - {kpi: load, by: host, every: 20s, values: {n: count()}}\n")
    assert insight(bench.driver.shards[0], rule, {"host": "a"}) == []


@pytest.mark.parametrize("when", ["avg(x over 10s) > 50%", "x > 50%"])
def test_a_key_that_flaps_is_up_as_an_alert_of_its_own(when: str) -> None:
    """With when it is over; also while the alarm is down."""
    bench = Bench(f"  - {{alarm: hot, by: host, when: {when}, flapping: 3 changes in 5m}}\n")
    for at in range(5, 60, 10):
        bench.at(at, host="a", x=60 if at % 20 == 5 else 10).at(at, host="b", x=60)
    bench.clock(60)
    rows, total = up(bench.driver.shards[0], 10)
    assert (total, [(row["rule"], row["key"]["host"], row.get("event")) for row in rows]) == (
        2,
        [("hot", "a", "flapping"), ("hot", "b", None)],
    )
    since_ms = rows[0]["starts_at_ms"]
    last_ms = START_MS + (60_000 if "avg" in when else 55_000)
    assert only(bench, "hot", host="a")["flapping"] == {
        "since_ms": since_ms,
        "changes": 4 if "avg" in when else 6,
        "over_ms": last_ms + 300_000,
    }
    assert "flapping" not in only(bench, "hot", host="b")
