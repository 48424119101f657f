"""Keys that flap: one alert that says so, marks on all else, what is told when it is over."""

from __future__ import annotations

import pytest

from streamwatchd.shard.output import Sink
from tests.operators.bench import Bench, seconds
from tests.operators.test_muting import silence

START = "2026-01-05 00:"
FLAPS = ", flapping: 4 changes in 1m"
WINDOWS = "  - {alarm: hot, by: host, when: avg(x over 10s) > 50%MORE}\n"
ROWS = "  - {alarm: hot, by: host, when: x > 50%MORE}\n"
SEQUENCE = "  - {alarm: hot, by: host, sequence: ['x > 50%', 'x > 50%'], within: 1m, until: 'x < 20%'MORE}\n"
KINDS = [
    pytest.param(WINDOWS, id="windows"),
    pytest.param(ROWS, id="at once"),
    pytest.param(ROWS.replace("MORE", ", in_order: trueMORE"), id="in order"),
]


def rule(kind: str, more: str = FLAPS) -> str:
    return kind.replace("MORE", more)


def said(bench: Bench) -> list[str]:
    """`AT event key muted_by` of all alerts; `~` marks those that tell of a key that flaps, with their changes."""
    found = []
    for each in bench.documents(Sink.ALERTS):
        values, key = dict(each["values"]), dict(each["key"])  # type: ignore[call-overload]
        flaps = f"~{values['changes']}" if "changes" in values else ""
        parts = (seconds(each["at"]), each["event"] + flaps, *key.values(), each["muted_by"] or "")  # type: ignore[operator, arg-type]
        found.append(" ".join(str(part) for part in parts if part != ""))
    return sorted(found, key=lambda line: float(line.split()[0]))


def up_and_down(it: Bench, until_s: int, restarts: bool, high: tuple[range, ...], of: str = "a") -> Bench:
    """An event each 10 s, 5 s after a full ten."""
    for at in range(5, until_s, 10):
        it.at(at, host=of, x=60 if any(at in part for part in high) else 10)
        if restarts:
            it.restart()
    return it


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_a_key_that_flaps_is_told_of_once_and_its_end_to_the_instant(kind: str, restarts: bool) -> None:
    """The fourth change within a minute is marked, and what comes after it, until a minute goes by without one."""
    it = up_and_down(Bench(rule(kind)), 200, restarts, (range(10, 20), range(30, 40), range(50, 60), range(100, 200)))
    late = 5 if kind == WINDOWS else 0
    changes = [15, 25, 35, 45, 55, 65, 105]
    at = [each + late for each in changes]
    assert said(it.clock(300)) == [
        f"{at[0]} fired a",
        f"{at[1]} resolved a",
        f"{at[2]} fired a",
        f"{at[3]} flapping~4 a",
        f"{at[3]} resolved a",
        f"{at[4]} fired a flapping",
        f"{at[5]} resolved a flapping",
        f"{at[6]} fired a flapping",
        f"{at[6] + 60} resolved~7 a",
        f"{170 if late else 180} unmuted a",
    ]


@pytest.mark.parametrize("restarts", [False, True])
def test_a_sequence_that_lasts_may_flap(restarts: bool) -> None:
    """What it fires and ends counts as changes do elsewhere; other keys are no business of it."""
    it = Bench(rule(SEQUENCE, ", flapping: 3 changes in 1m"))
    for at in range(0, 100, 10):
        it.at(at, host="a", x=60 if at % 30 else 10).at(at, host="b", x=60)
        if restarts:
            it.restart()
    assert said(it.clock(300)) == [
        *("10 fired b", "20 fired a", "30 resolved a", "50 flapping~3 a", "50 fired a flapping"),
        *("60 resolved a flapping", "80 fired a flapping", "90 resolved a flapping", "150 resolved~6 a"),
    ]


@pytest.mark.parametrize("restarts", [False, True])
def test_it_is_over_while_a_few_changes_are_left(restarts: bool) -> None:
    """Once two lie within a minute; the next ones count with these."""
    it = Bench(rule(ROWS, ", flapping: 4 changes in 1m until 2"))
    up_and_down(it, 200, restarts, (range(10, 20), range(30, 40), range(80, 90), range(100, 110)))
    assert said(it.clock(300)) == [
        *("15 fired a", "25 resolved a", "35 fired a", "45 flapping~4 a", "45 resolved a"),
        *("85 resolved~4 a", "85 fired a", "95 resolved a", "105 fired a"),
        *("115 flapping~4 a", "115 resolved a", "155 resolved~4 a"),
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_a_silence_mutes_the_alert_too_until_it_is_over(kind: str) -> None:
    """It is told with the first change that nobody else mutes; who was not told of it is not told of its end."""
    lasts = silence(f'from: "{START}00:00", until: "{START}01:12"')
    it = Bench(rule(kind, ", flapping: 3 changes in 1m"), silences=lasts)
    up_and_down(it, 140, False, (range(10, 20), range(30, 40), range(60, 70), range(80, 90)))
    found = said(it.clock(400))
    assert [each.split(maxsplit=1)[1] for each in found] == [
        *("fired a silence(upgrade)", "resolved a silence(upgrade)", "flapping~3 a silence(upgrade)"),
        *("fired a silence(upgrade)", "resolved a silence(upgrade)", "fired a silence(upgrade)"),
        *("flapping~6 a", "resolved a silence(upgrade)", "fired a flapping", "resolved a flapping", "resolved~8 a"),
    ]


def test_nothing_is_repeated_while_a_key_flaps() -> None:
    """And is once it is over."""
    it = Bench(rule(WINDOWS, ", repeat: 20s, flapping: 3 changes in 1m"))
    up_and_down(it, 160, False, (range(10, 20), range(30, 160)))
    assert said(it.clock(150)) == [
        *("20 fired a", "30 resolved a", "40 flapping~3 a", "40 fired a flapping"),
        *("100 resolved~3 a", "100 unmuted a", "120 repeated a", "140 repeated a"),
    ]


@pytest.mark.parametrize("kind", KINDS)
def test_an_edit_goes_on_with_what_was_seen(kind: str) -> None:
    """By the new words: what would be over is, at the instant of the change."""
    it = up_and_down(Bench(rule(kind)), 70, False, (range(10, 20), range(30, 40), range(50, 70)))
    it.change(rule(kind, ", flapping: 4 changes in 2m"))
    for at in range(75, 110, 10):
        it.at(at, host="a", x=60)
    it.change(rule(kind, ", flapping: 4 changes in 40s"))
    found = said(it.at(115, host="a", x=60).clock(300))
    assert [each.split(maxsplit=1)[1] for each in found if "~" in each or "unmuted" in each] == [
        *("flapping~4 a", "resolved~5 a", "unmuted a"),
    ]
    assert next(each for each in found if "resolved~" in each) == "105.001 resolved~5 a"


@pytest.mark.parametrize("kind", KINDS)
def test_a_rule_that_asks_no_more_tells_what_it_kept(kind: str) -> None:
    """The alert is over with the reason of the change, and what is up is told once."""
    it = up_and_down(Bench(rule(kind)), 70, False, (range(10, 20), range(30, 40), range(50, 70)))
    it.change(rule(kind, ""))
    found = it.at(75, host="a", x=60).at(85, host="a", x=60).clock(300).documents(Sink.ALERTS)
    ends = [each for each in found if each["values"] and each["state"] == "resolved"]
    assert [(each["reason"], seconds(each["at"])) for each in ends] == [("rule_changed", "65.001")]
    assert [each["event"] for each in found][-1] == "unmuted"


@pytest.mark.parametrize("kind", [*KINDS, pytest.param(SEQUENCE, id="sequence")])
def test_with_its_rule_a_flapping_alert_goes(kind: str) -> None:
    """Also where the alarm is down; the end of the alarm itself is no change that makes a key flap."""
    it = Bench(rule(kind, ", flapping: 3 changes in 1m"))
    for at in range(0, 60, 5):
        it.at(at, host="a", x=60 if at % 20 > 5 else 10).at(at, host="b", x=60 if at > 10 else 10)
    it.change("  - {alarm: cool, by: host, when: x > 200%}\n").at(65, host="a", x=10)
    found = it.clock(100).documents(Sink.ALERTS)
    flaps = [each for each in found if "changes" in str(each["values"])]
    of_keys = [(each["event"], each["reason"], dict(each["key"])["host"]) for each in flaps]  # type: ignore[call-overload]
    assert of_keys == [("flapping", None, "a"), ("resolved", "rule_removed", "a")]


BUSY = (15, 35, 55, 65, 75, 95, *range(105, 205, 10))
"""When x is high: changes from 10 s to 10 s up to the sixth, the seventh 10 s later, and then it stays up."""
ANY_KIND = pytest.mark.parametrize("kind", [*KINDS, pytest.param(SEQUENCE, id="sequence")])


def busy(it: Bench, times: range) -> Bench:
    for at in times:
        it.feed(*((at + more, {"host": "a", "x": 60 if at in BUSY else 10}) for more in (0, 2)))
    return it


@pytest.mark.parametrize("restarts", [False, True])
@ANY_KIND
def test_a_promotion_tells_of_a_key_that_flaps_with_its_next_change(kind: str, restarts: bool) -> None:
    """Its alert goes on under its id, with all changes; what is up stays muted until the key has calmed down."""
    it = busy(Bench(rule(kind, ", flapping: 3 changes in 1m, mode: shadow")), range(5, 66, 10))
    it.change(rule(kind, ", flapping: 3 changes in 1m"))
    if restarts:
        it.restart()
    found = busy(it, range(75, 205, 10)).clock(300).documents(Sink.ALERTS)
    shadows = it.documents(Sink.SHADOW)
    assert [(each["event"], each["muted_by"]) for each in shadows] == [
        *(("fired", None), ("resolved", None), ("flapping", None)),
        *(("fired", "flapping"), ("resolved", "flapping"), ("fired", "flapping")),
    ]
    own = {"id": shadows[2]["id"], "event": "flapping", "seq": 2, "values": {"changes": 6, "window": "1m"}}
    assert [dict(each) | own for each in found if each["id"] == own["id"]][:1] == [found[0 if kind == WINDOWS else 1]]
    told = [(each["event"], each["muted_by"], each["seq"]) for each in found if each["event"] != "unmuted"]
    last = 2 if kind == WINDOWS else 3
    assert told == [
        *(("flapping", None, 2), ("resolved", "flapping", last), ("fired", "flapping", 1), ("resolved", None, 3)),
    ]
    unmuted = [(each["muted_by"], each["seq"]) for each in found if each["event"] == "unmuted"]
    assert unmuted == ([] if kind == WINDOWS else [("flapping", 2)]) + [(None, 2)]


@pytest.mark.parametrize("restarts", [False, True])
@ANY_KIND
def test_a_key_goes_on_flapping_under_the_new_name_of_its_rule(kind: str, restarts: bool) -> None:
    """Nobody is told anew; the end has the id of the beginning."""
    it = busy(Bench(rule(kind, ", flapping: 3 changes in 1m")), range(5, 66, 10))
    before = it.documents(Sink.ALERTS)
    it.change(rule(kind, ", flapping: 3 changes in 1m").replace("hot", "warm"))
    if restarts:
        it.restart()
    after = busy(it, range(75, 205, 10)).clock(300).documents(Sink.ALERTS)
    assert [(each["rule"], each["event"], each["muted_by"]) for each in after] == [
        *(("warm", "resolved", "flapping"), ("warm", "fired", "flapping")),
        *(("warm", "resolved", None), ("warm", "unmuted", None)),
    ]
    (begins,) = [each for each in before if each["event"] == "flapping"]
    assert (after[2]["id"], after[2]["seq"], after[2]["values"]) == (begins["id"], 2, {"changes": 7, "window": "1m"})
    assert str(after[2]["message"]).startswith("warm host=a flaps no more: 7 changes")
