"""`pause:` at work: what is not judged, and how judging goes on."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise

import numpy as np
import pytest

from streamwatchd.calendars.calendar import Calendar, Stretch
from streamwatchd.lang.typed import And, During, Expr, Not, Or
from streamwatchd.operators.asking import FOREVER
from streamwatchd.operators.pausing import Pauses
from streamwatchd.operators.spec import PauseSpec
from tests.operators.bench import Bench

WORKS = 'during: [{from: "2026-01-05 00:01:00", to: "2026-01-05 00:02:00"}]\n'
HOLD = "  - {alarm: hot, by: host, when: avg(x over 10s) > 50% for 30s, pause: during(works)}\n"
LEVELS = """\
  - alarm: hot
    by: host
    levels: {critical: avg(x over 10s) > 80%, warning: avg(x over 10s) > 50% until avg(x over 10s) < 20% for 20s}
    pause: during(works)
"""
ON_ROWS = "  - {{alarm: hot, by: host, when: x > 50%{}, in_order: true, pause: during(works)}}\n"
SEQUENCE_UP = """\
  - alarm: hot
    by: host
    within: 80s
    sequence: [x > 50, x > 50]
    until: x < 5
    repeat: 1m
    pause: during(works)
"""
LONG_WORKS = 'during: [{from: "2026-01-05 00:00:30", to: "2026-01-05 00:04:10"}]\n'


def bench(rules: str, values: Iterator[tuple[int, float]], *, restarts: bool = False) -> Bench:
    it = Bench(rules, calendars={"works": WORKS})
    for at, x in values:
        it.at(at, host="a", x=x)
        if restarts and at % 10 == 5:
            it.restart()
    return it.clock(200)


def steps(*changes: tuple[int, float]) -> Iterator[tuple[int, float]]:
    """A value every 5 s, each from an instant on."""
    for at in range(0, 200, 5):
        yield at, [x for since, x in changes if since <= at][-1]


@pytest.mark.parametrize("restarts", [False, True])
def test_a_hold_begins_anew_after_a_pause(restarts: bool) -> None:
    """Pending at 50, the pause is from 60 to 120: what would have fired at 80 does at 150, in the same life."""
    assert bench(HOLD, steps((0, 10), (40, 90)), restarts=restarts).alerts() == [
        "50 hot pending warning a",
        "150 hot fired warning a",
    ]


def test_a_hold_that_is_not_true_any_more_ends_with_the_first_judgement() -> None:
    """It is not known when it ended."""
    assert bench(HOLD, steps((0, 10), (40, 90), (70, 10))).alerts() == [
        "50 hot pending warning a",
        "120 hot resolved warning a not_held",
    ]


def test_what_is_up_stays_up_at_its_severity() -> None:
    """It would have grown worse at 80 and ended at 110; it ends at 140, as its `until` has a hold too."""
    assert bench(LEVELS, steps((0, 10), (20, 60), (70, 90), (90, 10))).alerts() == [
        "30 hot fired warning a",
        "140 hot resolved warning a cleared",
    ]


@pytest.mark.parametrize("restarts", [False, True])
def test_nothing_is_judged_on_silent_windows_either(restarts: bool) -> None:
    """Nothing comes from 55 on; the hold of the clear condition begins after the pause."""
    when = "count(over 10s) > 1 until count(over 10s) == 0 for 20s"
    rule = f"  - {{alarm: hot, by: host, when: {when}, pause: during(works)}}\n"
    it = bench(rule, ((at, 1.0) for at in range(0, 55, 5)), restarts=restarts)
    assert it.alerts() == ["10 hot fired warning a", "140 hot resolved warning a cleared"]


def test_single_events_in_a_pause_say_nothing() -> None:
    """Neither raise nor clear; a hold begins anew with the first event after it."""
    values = ((0, 10.0), (50, 90.0), (70, 10.0), (100, 10.0), (130, 90.0), (150, 10.0))
    assert bench(ON_ROWS.format(""), iter(values)).alerts() == [
        "50 hot fired warning a",
        "150 hot resolved warning a cleared",
    ]
    assert bench(ON_ROWS.format(" for 40s"), steps((0, 10), (40, 90))).alerts() == [
        "40 hot pending warning a",
        "160 hot fired warning a",
    ]


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize(
    ("heard", "alerts"),
    [
        ((50,), ["120 hot no_data warning a"]),
        ((50, 110), ["140 hot no_data warning a"]),
        ((20,), ["50 hot no_data warning a"]),
        ((20, 70), ["50 hot no_data warning a", "120 hot no_data warning a"]),
    ],
    ids=["silent as it ends", "heard of in it", "silent before it", "heard of in it and silent again"],
)
def test_no_key_falls_silent_in_a_pause(heard: tuple[int, ...], alerts: list[str], restarts: bool) -> None:
    """Events in it are events, so at its end a key is silent that has been for as long as `no_data` waits."""
    rule = ON_ROWS.format(", no_data: alert after 25s")
    assert bench(rule, iter([(at, 10.0) for at in heard]), restarts=restarts).alerts() == alerts


@pytest.mark.parametrize("rule", [ON_ROWS.format(", repeat: 1m"), SEQUENCE_UP], ids=["events", "sequence"])
def test_nothing_is_told_again_in_a_pause(rule: str) -> None:
    """What was due in it is told at the first full minute after it."""
    it = Bench(rule, calendars={"works": LONG_WORKS}).at(5, host="a", x=90.0).at(6, host="a", x=90.0)
    found = it.clock(400).alerts()
    assert [each.split()[0] for each in found if "repeated" in each] == ["300", "360"]


def test_occurrences_in_a_pause_are_none() -> None:
    """They are not counted for a limit either."""
    rule = "  - {alarm: hot, when: x > 50%, pause: not during(works)}\n"
    assert bench(rule, iter(((50, 90.0), (70, 90.0), (130, 90.0)))).alerts() == ["70 hot fired warning"]


AMENDED = "  - {{alarm: hot, by: host, when: max(x over 10s) > 50, late: amend, amend_for: {}, pause: during(works)}}\n"


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize(
    ("late", "amend_for", "alerts"),
    [(45, "2m", ["120 hot amended warning a would_fire"]), (45, "1m", []), (65, "2m", [])],
    ids=["judged before it", "too late after it", "never judged"],
)
def test_what_comes_late_in_a_pause_is_read_after_it(
    late: int, amend_for: str, alerts: list[str], restarts: bool
) -> None:
    """Windows that ended in the pause have said nothing that could be amended."""
    it = Bench(AMENDED.format(amend_for), calendars={"works": WORKS})
    it.series(range(0, 90, 5), host="a", x=10.0).at(late, host="a", x=90.0)
    it = it.restart() if restarts else it
    assert it.series(range(90, 200, 5), host="a", x=10.0).clock(200).alerts() == alerts


SEQUENCE = "  - {{alarm: s, by: host, within: 80s, sequence: [{}], pause: during(works)}}\n"
Events = tuple[tuple[int, str], ...]


def sequence(steps: str, events: Events, *, restarts: bool = False) -> list[str]:
    it = Bench(SEQUENCE.format(steps), calendars={"works": WORKS})
    for at, kind in events:
        it.at(at, host="a", kind=kind)
        if restarts:
            it.restart()
    return it.clock(400).alerts()


@pytest.mark.parametrize("restarts", [False, True])
@pytest.mark.parametrize(
    ("events", "alerts"),
    [
        (((50, "down"), (70, "up")), []),
        (((50, "down"), (70, "up"), (125, "up")), ["125 s fired warning a"]),
        (((59, "down"), (119, "down"), (120, "up"), (121, "up")), ["120 s fired warning a"]),
        (((30, "down"), (120, "up")), []),
    ],
    ids=["no step in a pause", "it goes on after it", "the end is not in it", "within runs in a pause"],
)
def test_events_in_a_pause_take_no_step(events: Events, alerts: list[str], restarts: bool) -> None:
    """What had begun goes on after it, as long as it may last."""
    assert sequence("kind == down, kind == up", events, restarts=restarts) == alerts


@pytest.mark.parametrize("steps", ["kind == down, kind == up", "kind == down, {other: n == 1}"])
def test_an_edit_of_the_pause_keeps_what_has_begun(steps: str) -> None:
    """Steps that were taken before the edit count after it; from the edit on events meet the new pause."""
    rule = SEQUENCE.format(steps)
    it = Bench(rule.replace(", pause: during(works)", ""), calendars={"works": WORKS})
    it.at(50, host="a", kind="down").at(50, topic="other", host="b", n=0).change(rule)
    for at in (70, 125):
        it.at(at, host="a", kind="up").at(at, topic="other", host="a", n=1)
    assert it.clock(400).alerts() == ["125 s fired warning a"]


def test_an_alarm_of_a_sequence_that_is_up_stays_up() -> None:
    """What would end it in a pause does not; what comes after it does."""
    rule = SEQUENCE.format("kind == down, kind == down").replace("pause:", "until: kind == up, pause:")
    it = Bench(rule, calendars={"works": WORKS})
    for at, kind in ((30, "down"), (40, "down"), (70, "up"), (130, "up")):
        it.at(at, host="a", kind=kind)
    assert it.clock(400).alerts() == ["40 s fired warning a", "130 s resolved warning a cleared"]


@pytest.mark.parametrize(
    ("events", "alerts"),
    [
        (((50, "down"), (70, "up")), []),
        (((50, "down"), (70, "x")), ["130 s fired warning a"]),
        (((30, "down"), (130, "x")), []),
        (((40, "down"), (130, "x")), ["120 s fired warning a"]),
    ],
    ids=["what came in a pause came", "the pause does not matter", "due in a pause", "due at its end"],
)
def test_what_must_not_happen_counts_in_a_pause(events: Events, alerts: list[str]) -> None:
    """A job that ended while nobody looked is not missing; what falls due in a pause is nothing."""
    assert sequence("kind == down, not kind == up", events) == alerts


A, B = During("a"), During("b")
DAY = timedelta(days=1)
START = datetime(2026, 1, 1, tzinfo=UTC).replace(tzinfo=None)
CALENDARS = (
    Calendar("a", (Stretch(START + timedelta(hours=5), timedelta(hours=3), rule="FREQ=DAILY"),)),
    Calendar("b", (Stretch(START + timedelta(hours=7), timedelta(hours=30)), Stretch(START + 40 * DAY, 9 * DAY))),
)


@pytest.mark.parametrize("expr", [A, Not(A), And((A, B)), Or((A, B)), And((B, Not(A)))])
def test_stretches_are_what_the_calendars_say_minute_by_minute(expr: Expr) -> None:
    """Over the bounds of what is found at once; instants are compared with the calendars' own answers."""

    def is_paused(at_ms: int) -> bool:
        a, b = (calendar.holds(at_ms) for calendar in CALENDARS)
        return {A: a, Not(A): not a, And((A, B)): a and b, Or((A, B)): a or b, And((B, Not(A))): b and not a}[expr]

    begin = int(START.replace(tzinfo=UTC).timestamp()) * 1_000
    times = begin + 1_800_000 * np.arange(48 * 55)
    pauses, truth = Pauses(PauseSpec(expr, CALENDARS)), [is_paused(at) for at in times.tolist()]
    assert pauses.paused(times).tolist() == truth == [pauses.holds(at) for at in times.tolist()]
    ended = [before and not now for before, now in pairwise(truth)]
    assert pauses.ended(times[:-1], times[1:]).tolist() == ended
    for index in range(0, 48 * 35, 7):
        free = next(at for at, paused in zip(times[index:].tolist(), truth[index:], strict=True) if not paused)
        assert pauses.free_from(int(times[index])) == free
        end = next((at for at, over in zip(times[index + 1 :].tolist(), ended[index:], strict=True) if over), None)
        assert end is None or pauses.next_end(int(times[index])) == end


def test_a_pause_for_good_has_no_end() -> None:
    """Nothing is looked for beyond the years to come."""
    pauses = Pauses(PauseSpec(Or((A, Not(A))), CALENDARS))
    assert (pauses.free_from(0), pauses.next_end(0)) == (FOREVER, FOREVER)
