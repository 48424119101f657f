"""Who is told of alarms on rows: silences, reminders and acknowledgements, at once, in order, in sequences."""

from __future__ import annotations

import pytest

from tests.operators.bench import SOURCES, Bench
from tests.operators.test_muting import WORKS, bench, silence, told

START = "2026-01-05 00:"
LASTS = f'from: "{START}00:30", until: "{START}02:30"'
AT_ONCE = "  - {alarm: hot, by: host, when: x > 50%}\n"
KINDS = [pytest.param("", id="at once"), pytest.param(", in_order: true", id="in order")]


def hot(more: str = "") -> str:
    return AT_ONCE.replace("50%}", f"50%{more}}}")


def acks() -> dict[str, str]:
    return {"acks": "acks: [{ack: k1, rule: hot, by: anna, note: looking, where: 'host == \"a\"'}]\n"}


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize("more", KINDS)
def test_a_silence_mutes_for_a_while_and_what_is_up_afterwards_is_told_once(more: str, restarts: bool) -> None:
    """At the first full minute, though no event says so; of other keys as ever."""
    it = Bench(hot(more), silences=silence(f"{LASTS}, where: 'host == \"a\"'"))
    for at, x in ((20, 10), (40, 60), (45, 60), (70, 10), (80, 70), (100, 70), (170, 70), (200, 10)):
        it.at(at, host="a", x=x).at(at, host="b", x=60 if at == 80 else 10)
        if restarts:
            it.restart()
    found = told(it.clock(300))
    assert [each for each in found if each.split()[2] == "a"] == [
        "40 fired a silence(upgrade)",
        "70 resolved a silence(upgrade)",
        "80 fired a silence(upgrade)",
        "180 unmuted a",
        "200 resolved a",
    ]
    assert [each for each in found if each.split()[2] == "b"] == ["80 fired b", "100 resolved b"]


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize("more", KINDS)
def test_whoever_acknowledges_is_not_reminded(more: str, restarts: bool) -> None:
    """Of one key; the other one goes on, and so does the next life."""
    it = Bench(hot(more + ", repeat: 1m"))
    for at in (10, 50):
        it.at(at, host="a", x=60).at(at, host="b", x=60)
    it.silences = acks()
    it.change(hot(more + ", repeat: 1m"))
    for at in (60, 100, 190, 200, 210):
        it.at(at, host="a", x=10 if at == 200 else 60).at(at, host="b", x=60)
        if restarts:
            it.restart()
    found = told(it.clock(290))
    assert [each for each in found if each.endswith(" a")] == [
        "10 fired a",
        "60 acknowledged a",
        "200 resolved a",
        "210 fired a",
    ]
    assert [each for each in found if each.endswith(" b")] == [
        "10 fired b",
        *(f"{at} repeated b" for at in (120, 180, 240)),
    ]


SEQUENCE = "  - {alarm: hot, by: host, sequence: [x > 50%, x > 55%], until: x < 20%, within: 1h, repeat: 1m}\n"


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize("rule", [hot(", repeat: 1m"), hot(", in_order: true, repeat: 1m"), SEQUENCE])
def test_who_is_to_be_reminded_is_so_before_the_rule_goes(rule: str, restarts: bool) -> None:
    """Though the first row that this process sees is beyond the change, which another source has put far ahead."""
    it = Bench(rule).at(5, host="a", x=60 if "sequence" in rule else 10).at(10, host="a", x=60)
    it.at(250, topic="other", host="a", x=1)
    it.change("  - {alarm: cold, by: host, when: x < 5%}\n")
    if restarts:
        it.restart()
    it.at(310, host="a", x=60)
    assert told(it.clock(400)) == [
        "10 fired a",
        *(f"{at} repeated a" for at in (120, 180, 240)),
        "250.001 resolved a",
    ]


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize("more", KINDS)
def test_a_key_flaps_until_its_rule_goes(more: str, restarts: bool) -> None:
    """So nobody is told at a minute before that nothing mutes it any more."""
    it = Bench(hot(more + ", flapping: 2 changes in 1h"))
    for at, x in ((10, 60), (20, 10), (30, 60)):
        it.at(at, host="a", x=x)
    it.at(250, topic="other", host="a", x=1).change("  - {alarm: cold, by: host, when: x < 5%}\n")
    if restarts:
        it.restart()
    assert told(it.at(310, host="a", x=60).clock(400)) == [
        "10 fired a",
        "20 flapping a",
        "20 resolved a",
        "30 fired a flapping",
        "250.001 resolved a",
        "250.001 resolved a flapping",
    ]


def test_a_silence_that_comes_later_knows_what_was_told() -> None:
    """And when it goes nothing is told twice."""
    it = Bench(hot()).at(10, host="a", x=60)
    it.silences = silence(f'from: "{START}00:00", until: "{START}02:00"')
    it.change(hot()).at(30, host="b", x=60).at(70, host="a", x=60).at(80, host="a", x=10).at(90, host="a", x=60)
    it.silences = {}
    it.change(hot()).at(100, host="a", x=60)
    assert told(it.clock(300)) == [
        "10 fired a",
        "30 fired b silence(upgrade)",
        "80 resolved a",
        "90 fired a silence(upgrade)",
        "120 unmuted a",
        "120 unmuted b",
    ]


def test_occurrences_are_muted_and_count_for_no_limit() -> None:
    """They have no life: nothing is told afterwards."""
    rule = "  - {alarm: hot, when: x > 50%, limit: 1/m}\n"
    it = Bench(rule, silences=silence(f'from: "{START}00:20", until: "{START}00:40"'))
    it.at(25, host="a", x=60).at(30, host="a", x=60).at(45, host="a", x=60).at(50, host="a", x=60)
    found = told(it)
    assert found[:3] == ["25 fired silence(upgrade)", "30 fired silence(upgrade)", "45 fired"]
    assert found[3].startswith("50 ")


SEQUENCE = """\
  - alarm: hot
    by: host
    sequence: ['n == 1', 'n == 2']
    within: 1m
    until: n == 3
    repeat: 1m
"""


@pytest.mark.parametrize("restarts", [False, True])
def test_sequences_that_last_are_silenced_and_repeated_too(restarts: bool) -> None:
    """And those without an end are only marked."""
    it = Bench(SEQUENCE, silences=silence(LASTS))
    for at, n in ((10, 1), (40, 2), (100, 0), (235, 3), (250, 1), (260, 2), (350, 0)):
        it.at(at, host="a", n=n)
        if restarts:
            it.restart()
    assert told(it.clock(361)) == [
        "40 fired a silence(upgrade)",
        "180 unmuted a",
        "235 resolved a",
        "260 fired a",
        "360 repeated a",
    ]
    endless = SEQUENCE.replace("    until: n == 3\n    repeat: 1m\n", "")
    it = Bench(endless, silences=silence(LASTS)).at(10, host="a", n=1).at(40, host="a", n=2)
    assert told(it.clock(400)) == ["40 fired a silence(upgrade)"]


SITE = "  - {alarm: site_down, by: site, when: max(n over 10s) >= 9}\n"
UNLESS = "  - {alarm: hot, by: host, when: x > 50%, unless: firing(site_down)}\n"


@pytest.mark.parametrize("restarts", [False, True])
def test_alarms_on_rows_wait_for_those_that_mute_them(restarts: bool) -> None:
    """They are judged behind the exchange then, in order of time."""
    it = bench(SITE + UNLESS)
    for at in range(0, 150, 2):
        it.at(at, host="a", x=90 if 24 <= at < 140 else 10, n=9 if 10 <= at < 50 else 0)
        it.at(at, host="b", x=90 if 24 <= at < 40 else 10, n=0)
        if restarts and at % 10 == 6:
            it.restart()
    assert told(it.clock(160)) == [
        "24 fired b",
        "24 fired a firing(site_down)",
        "40 resolved b",
        "60 unmuted a",
        "140 resolved a",
    ]


def test_a_calendar_mutes_alarms_at_once_and_occurrences() -> None:
    """Nothing is waited for."""
    rules = "  - {alarm: hot, by: host, when: x > 50%, unless: during(works)}\n"
    it = bench(rules, calendars=WORKS).at(20, host="a", x=60).at(50, host="b", x=60).clock(130)
    assert told(it) == ["20 fired a during(works)", "50 fired b", "60 unmuted a"]
    rules = "  - {alarm: hot, when: x > 50%, unless: during(works)}\n"
    it = bench(rules, calendars=WORKS).at(20, host="a", x=60).at(50, host="b", x=60).clock(130)
    assert told(it) == ["20 fired during(works)", "50 fired"]


@pytest.mark.parametrize("restarts", [False, True])
def test_a_change_ahead_of_the_first_event_judged_puts_off_no_reminder(restarts: bool) -> None:
    """Events up to `max_delay` below it are judged after it came, and so is what they are told again of."""
    sources = SOURCES.replace("max_delay: 1s, key", "max_delay: 5m, key")
    rule = hot(", in_order: true, repeat: 1m")
    it = Bench(rule, sources=sources).at(10, host="a", x=60).at(250, host="b", x=10)
    it.change(rule + "  - {kpi: n, by: host, over: 1m, values: {n: count()}}\n", sources=sources)
    if restarts:
        it.restart()
    found = told(it.at(600, host="b", x=10).clock(301))
    assert [each for each in found if each.endswith(" a")] == [
        "10 fired a",
        *(f"{at} repeated a" for at in (120, 180, 240, 300)),
    ]


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize("more", KINDS)
def test_reminders_of_before_an_edit_come_from_the_rule_of_before_it(more: str, restarts: bool) -> None:
    """Though its next event comes after the edit, and hands its alarms over; no watermark is there yet."""
    rule = hot(f"{more}, where: n == 1, repeat: 1m")
    it = Bench(rule).at(10, host="a", x=60, n=1).at(120.5, host="b", n=0)
    it.change(rule + rule.replace("hot", "warm"))
    if restarts:
        it.restart()
    alerts = it.at(170, host="a", x=60, n=1).at(400, host="b", n=0).clock(400).alerts()
    assert [each for each in alerts if " hot " in each] == [
        "10 hot fired warning a",
        *(f"{at} hot repeated warning a" for at in range(120, 400, 60)),
    ]


@pytest.mark.parametrize("more", KINDS)
def test_an_alarm_whose_key_is_forgotten_is_told_of_no_more(more: str) -> None:
    """Also where one batch of another key goes far beyond the end of its day."""
    it = Bench(hot(more + ", repeat: 6h")).at(10, host="a", x=60)
    found = told(it.at(100_000, host="b", x=60).clock(100_010))
    assert [each.split()[1] for each in found if each.endswith(" a")] == ["fired", *["repeated"] * 3, "resolved"]


TWICE = "  - {alarm: hot, by: host, within: 1m, sequence: [x > 50%, x > 55%], until: x < 20%}\n"


@pytest.mark.parametrize("rule", [hot(", in_order: true"), TWICE], ids=["in order", "sequence"])
def test_events_below_a_change_are_judged_though_others_want_to_know_from_there_on(rule: str) -> None:
    """The watermark has not come to the change, and what lies below it is told all the same."""
    sources = SOURCES.replace("max_delay: 1s, key", "max_delay: 5m, key")
    it = Bench(rule, sources=sources).at(10, host="a", x=60).at(20, host="a", x=60).at(250, host="b", x=10)
    it.change(rule + "  - {alarm: hotter, by: host, when: x > 90%, unless: firing(hot)}\n", sources=sources)
    at = 20 if rule == TWICE else 10
    assert told(it.at(400, host="b", x=10)) == [f"{at} fired a"]


def test_an_edit_keeps_who_was_told() -> None:
    """Of alarms that go on in another shape of the rule."""
    until = silence(f'from: "{START}00:00", until: "{START}03:00"')
    it = Bench(hot(), silences=until).at(10, host="a", x=60)
    it.change(hot().replace("50%", "40%")).at(70, host="a", x=60).restart()
    assert told(it.at(200, host="a", x=60).clock(300)) == ["10 fired a silence(upgrade)", "180 unmuted a"]


WORKS_LATER = 'during: [{from: "2026-01-05 00:01:00", to: "2026-01-05 00:02:30"}]\n'
ODD = "  - {{anomaly: odd, by: host, model: mix, values: {{peak: max(x)}}, features: [peak], when: peak > 50%, {}}}\n"


def odd(more: str, *, restarts: bool = False) -> list[str]:
    """Without a model the score is null; levels read values too. Rows come at every 10 s, odd from 30 to 200."""
    it = Bench(
        "  - {alarm: down, by: host, when: max(n over 10s) > 0}\n" + ODD.format(more), calendars={"works": WORKS_LATER}
    )
    for at in range(0, 230, 5):
        it.at(at, host="a", x=90 if 30 <= at < 200 else 10, n=int(25 <= at < 150))
        if restarts and at % 20 == 15:
            it.restart()
    return told(it.clock(260), "odd")


@pytest.mark.parametrize("restarts", [False, True])
def test_a_muted_anomaly_rule_is_told_once_afterwards(restarts: bool) -> None:
    """By a calendar or by another alarm; a full minute notices it, as of all alarms on rows."""
    plain = ["39.999 fired a", "209.999 resolved a"]
    assert odd("labels: {}", restarts=restarts) == plain
    assert odd("unless: not during(works)", restarts=restarts) == [
        "39.999 fired a unless",
        "60 unmuted a",
        "209.999 resolved a",
    ]
    asked = odd("unless: firing(down)", restarts=restarts)
    assert asked == ["39.999 fired a firing(down)", "180 unmuted a", "209.999 resolved a"]


@pytest.mark.parametrize("restarts", [False, True])
def test_an_anomaly_rule_is_told_again(restarts: bool) -> None:
    """At full minutes, while nothing mutes it."""
    assert odd("repeat: 1m", restarts=restarts) == [
        "39.999 fired a",
        "120 repeated a",
        "180 repeated a",
        "209.999 resolved a",
    ]
    muted = odd("repeat: 1m, unless: during(works)", restarts=restarts)
    assert muted == ["39.999 fired a", "180 repeated a", "209.999 resolved a"]


def test_a_paused_anomaly_rule_says_nothing() -> None:
    """Its rows are scored all the same; a hold begins anew after it."""
    assert odd("pause: during(works)") == ["39.999 fired a", "209.999 resolved a"]
    held = ODD.replace("peak > 50%", "peak > 50% for 50s").format("pause: during(works)")
    it = Bench(held, calendars={"works": WORKS_LATER})
    for at in range(0, 230, 5):
        it.at(at, host="a", x=90 if at >= 30 else 10)
    assert told(it, "odd") == ["39.999 pending a", "209.999 fired a"]
