"""Who is told, and told again: reminders and acknowledgements on windows."""

from __future__ import annotations

import pytest

from tests.operators.bench import Bench
from tests.operators.test_muting import silence, told

LEVELS = 'levels: {critical: "avg(x over 10s) > 80%", warning: "avg(x over 10s) > 50%"}'
HOT = f"  - {{alarm: hot, by: host, {LEVELS}, repeat: 20s up to 1m}}\n"
START = "2026-01-05 00:"


def ack(where: str = "", name: str = "k1") -> dict[str, str]:
    more = f", where: '{where}'" if where else ""
    return {"acks": f"acks: [{{ack: {name}, rule: hot, by: anna, note: looking{more}}}]\n"}


@pytest.mark.parametrize("restarts", [False, True])
def test_an_alarm_that_goes_on_is_told_again_after_ever_longer_waits(restarts: bool) -> None:
    """20 s, 40 s, then every minute; growing worse is news, and begins anew."""
    it = Bench(HOT)
    for at in range(0, 300, 2):
        it.at(at, host="a", x=60 if at < 200 else 90 if at < 240 else 10)
        if restarts and at % 50 == 6:
            it.restart()
    assert told(it) == [
        *("10 fired a", "30 repeated a", "70 repeated a", "130 repeated a", "190 repeated a"),
        *("210 escalated a", "230 repeated a", "250 resolved a"),
    ]


def test_a_reminder_waits_until_nothing_mutes_it() -> None:
    """Whoever knew before is told once it is over that it goes on."""
    lasts = f'from: "{START}00:20", until: "{START}01:30"'
    it = Bench(HOT, silences=silence(lasts)).series(range(0, 130, 2), host="a", x=60)
    assert told(it) == ["10 fired a", "90 repeated a"]


def test_reminders_come_though_no_event_does() -> None:
    """An alarm on silence is judged when it is due."""
    rule = '  - {alarm: hot, by: host, when: "count(over 10s) == 0", repeat: 30s}\n'
    it = Bench(rule).at(0, host="a").at(5, host="a").clock(200)
    assert told(it) == ["20 fired a", *(f"{at} repeated a" for at in range(50, 201, 30))]


@pytest.mark.parametrize("restarts", [False, True])
def test_whoever_acknowledges_is_spared_until_it_grows_worse(restarts: bool) -> None:
    """Only the keys that are meant; what comes later is another matter."""
    it = Bench(HOT)
    for at in range(0, 24, 2):
        it.at(at, host="a", x=60).at(at, host="b", x=60)
    it.silences = ack('host == "a"')
    it.change(HOT)
    for at in range(24, 104, 2):
        it.at(at, host="a", x=60 if at < 80 else 90).at(at, host="b", x=60)
        if restarts and at % 10 == 4:
            it.restart()
    found = told(it.clock(104))
    assert [each for each in found if each.endswith(" a")] == [
        "10 fired a",
        "30 acknowledged a",
        "90 escalated a",
    ]
    assert "30 repeated b" in found


def test_an_acknowledgement_is_of_what_is_up_when_it_comes() -> None:
    """Edits of the rule keep it; the next life of the alarm knows nothing of it."""
    it = Bench(HOT).series(range(0, 24, 2), host="a", x=60)
    it.silences = ack()
    it.change(HOT).series(range(24, 44, 2), host="a", x=60)
    it.change(HOT.replace("50%", "40%")).restart().series(range(44, 64, 2), host="a", x=60)
    it.series(range(64, 84, 2), host="a", x=10).series(range(84, 130, 2), host="a", x=60)
    assert told(it) == ["10 fired a", "30 acknowledged a", "70 resolved a", "100 fired a", "120 repeated a"]


def test_a_rule_that_repeats_from_now_on_counts_from_the_edit() -> None:
    """And one that does no more stops."""
    plain = HOT.replace(", repeat: 20s up to 1m", "")
    it = Bench(plain).series(range(0, 60, 2), host="a", x=60)
    it.change(HOT).series(range(60, 90, 2), host="a", x=60).restart()
    it.change(plain).series(range(90, 150, 2), host="a", x=60)
    assert told(it) == ["10 fired a", "80 repeated a"]
