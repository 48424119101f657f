"""Who is told of alarms on rows: silences, reminders and acknowledgements, at once, in order, in sequences."""

from __future__ import annotations

import pytest

from tests.operators.bench import Bench
from tests.operators.test_muting import silence, told

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


def test_events_of_one_batch_are_told_as_if_each_came_alone() -> None:
    """What is between two of them comes between them; numbers go on without a gap."""
    events = [(at, {"host": "a", "x": x}) for at, x in ((20, 60), (40, 60), (200, 60), (260, 10), (280, 60))]
    until = silence(f'from: "{START}00:10", until: "{START}01:30"')
    alone, together = (Bench(hot(", repeat: 1m"), silences=until) for _ in range(2))
    for at, event in events:
        alone.at(at, **event)
    together.feed(*events)
    expected = [
        "20 fired a silence(upgrade)",
        *(f"{at} {event} a" for at, event in ((120, "unmuted"), (180, "repeated"), (240, "repeated"))),
        "260 resolved a",
        "280 fired a",
        "360 repeated a",
    ]
    assert told(alone.clock(380)) == told(together.clock(380)) == expected


def test_numbers_of_a_life_go_on_over_what_needs_no_event() -> None:
    """And begin anew with the next life."""
    it = Bench(hot(", repeat: 1m"))
    it.feed((10, {"host": "a", "x": 60}), (150, {"host": "a", "x": 10}), (160, {"host": "a", "x": 60}))
    it.feed((250, {"host": "a", "x": 60}), (260, {"host": "a", "x": 10}))
    alerts = it.driver.take_outputs()
    found = [(out.value["event"], out.value["seq"]) for out in alerts if isinstance(out.value, dict)]
    assert found == [
        *(("fired", 1), ("repeated", 2), ("resolved", 3)),
        *(("fired", 1), ("repeated", 2), ("resolved", 3)),
    ]


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


def test_an_edit_keeps_who_was_told() -> None:
    """Of alarms that go on in another shape of the rule."""
    until = silence(f'from: "{START}00:00", until: "{START}03:00"')
    it = Bench(hot(), silences=until).at(10, host="a", x=60)
    it.change(hot().replace("50%", "40%")).at(70, host="a", x=60).restart()
    assert told(it.at(200, host="a", x=60).clock(300)) == ["10 fired a silence(upgrade)", "180 unmuted a"]
