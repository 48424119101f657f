"""The life of an alarm: levels, holds, nulls, silence, endings, and what a snapshot keeps."""

from __future__ import annotations

import numpy as np
import pytest

from streamwatchd.operators.lifecycle import SEVERITIES, Holds, Lifecycle, Transition

CODES = {"-": 0, "?": 1, "+": 2}
CRITICAL, WARNING = SEVERITIES.index("critical"), SEVERITIES.index("warning")


def line(step: Transition) -> str:
    parts = (str(step.at_ms), step.event, SEVERITIES[step.severity], step.reason)
    return " ".join(part for part in parts if part)


def live(levels: list[Holds], conditions: list[str], clears: list[str] | None = None) -> list[str]:
    """One alarm judged at 0, 1, 2, …; per level a letter a judgement: + true, - false, ? null."""
    life = Lifecycle(levels)
    place = np.zeros(1, np.intp)
    told: list[str] = []
    for at in range(len(conditions[0])):
        raises = [np.array([CODES[text[at]]], np.int8) for text in conditions]
        until = [2 - each for each in raises]
        if clears is not None:
            until = [np.array([CODES[text[at]]], np.int8) for text in clears]
        told += map(line, life.step(place, np.array([at]), raises, until))
    return told


@pytest.mark.parametrize(
    ("hold", "until_hold", "raises", "told"),
    [
        (0, 0, "-++-", ["1 fired warning", "3 resolved warning cleared"]),
        (0, 0, "+?-", ["0 fired warning", "2 resolved warning cleared"]),
        (0, 0, "?????", []),
        (2, 0, "-+++-", ["1 pending warning", "3 fired warning", "4 resolved warning cleared"]),
        (2, 0, "++-+", ["0 pending warning", "2 resolved warning not_held", "3 pending warning"]),
        (2, 0, "+?+", ["0 pending warning", "2 fired warning"]),
        # a run of nulls longer than the hold starts it anew
        (2, 0, "+????+++", ["0 pending warning", "7 fired warning"]),
        (0, 2, "+--+---", ["0 fired warning", "6 resolved warning cleared"]),
    ],
)
def test_one_level_holds_and_clears(hold: int, until_hold: int, raises: str, told: list[str]) -> None:
    """Raised at the first T where it held for long enough with no false judgement between; nulls decide nothing."""
    assert live([Holds(WARNING, hold, until_hold, False)], [raises]) == told


@pytest.mark.parametrize(
    ("raises", "clears", "told"),
    [
        ("++--", "----", ["0 fired warning"]),
        ("+--+-", "--+--", ["0 fired warning", "2 resolved warning cleared", "3 fired warning"]),
        # while `until` is true the level does not raise
        ("+++", "++-", ["2 fired warning"]),
        ("+-", "-?", ["0 fired warning"]),
    ],
)
def test_until_clears_apart_from_the_condition(raises: str, clears: str, told: list[str]) -> None:
    """With `until`, a condition that is false clears nothing."""
    assert live([Holds(WARNING, 0, 0, True)], [raises], [clears]) == told


@pytest.mark.parametrize(
    ("critical", "warning", "told"),
    [
        (
            "-+--",
            "+++-",
            ["0 fired warning", "1 escalated critical", "2 relaxed warning", "3 resolved warning cleared"],
        ),
        ("+-", "++", ["0 fired critical", "1 relaxed warning"]),
        ("+-", "--", ["0 fired critical", "1 resolved critical cleared"]),
    ],
)
def test_the_most_severe_level_that_is_up_is_the_alarms(critical: str, warning: str, told: list[str]) -> None:
    """When a level clears, the alarm falls to the next that is up, else resolves."""
    assert live([Holds(CRITICAL, 0, 0, False), Holds(WARNING, 0, 0, False)], [critical, warning]) == told


def test_steps_are_numbered_within_a_life() -> None:
    """`seq`, `previous` and the start tell one life from the next."""
    life = Lifecycle([Holds(WARNING, 1, 0, False)])
    steps: list[Transition] = []
    for at, condition in enumerate("++-++"):
        raised = np.array([CODES[condition]], np.int8)
        steps += life.step(np.zeros(1, np.intp), np.array([at]), [raised], [2 - raised])
    assert [(s.event, s.seq, s.starts_at_ms, s.opens, s.closes) for s in steps] == [
        ("pending", 1, 0, True, False),
        ("fired", 2, 0, False, False),
        ("resolved", 3, 0, False, True),
        ("pending", 1, 3, True, False),
        ("fired", 2, 3, False, False),
    ]
    assert [s.previous for s in steps] == [-1, WARNING, WARNING, -1, WARNING]


@pytest.mark.parametrize(
    ("action", "told"),
    [
        ("alert", ["0 no_data warning", "2 resolved warning cleared"]),
        ("resolve", []),
    ],
)
def test_silence_of_an_alarm_at_rest(action: str, told: list[str]) -> None:
    """It fires as `no_data` if asked to, and the next judgement that is not null decides."""
    assert silence("??-", [True, True, False], action) == told


def test_silence_of_an_alarm_that_fires() -> None:
    """`resolve` ends it, `alert` keeps its level's severity, `keep` is never told of silence."""
    assert silence("+?", [False, True], "resolve") == ["0 fired warning", "1 resolved warning no_data"]
    assert silence("+?+", [False, True, False], "alert") == ["0 fired warning", "1 no_data warning"]


def silence(raises: str, silent: list[bool], action: str) -> list[str]:
    life = Lifecycle([Holds(WARNING, 0, 0, False)])
    told: list[str] = []
    for at, quiet in enumerate(silent):
        raised = np.array([CODES[raises[at]]], np.int8)
        steps = life.step(np.zeros(1, np.intp), np.array([at]), [raised], [2 - raised], np.array([quiet]), action)
        told += map(line, steps)
    return told


def test_many_alarms_are_judged_at_once_and_apart() -> None:
    """Places are independent; rows of alarms that came to rest serve others."""
    life = Lifecycle([Holds(WARNING, 0, 0, False)])
    places = np.arange(1_000)
    raised = np.where(places % 2 == 0, 2, 0).astype(np.int8)
    steps = life.step(places, np.zeros(1_000, np.int64), [raised], [2 - raised])
    assert [step.place for step in steps] == places[::2].tolist()
    assert life.active().tolist() == places[::2].tolist()
    life.step(places, np.ones(1_000, np.int64), [np.zeros(1_000, np.int8)], [np.full(1_000, 2, np.int8)])
    assert not len(life.active())


def test_an_end_says_why_and_leaves_nothing_behind() -> None:
    """Forgotten keys and removed rules resolve what fires or is pending; what holds without a word just goes."""
    life = Lifecycle([Holds(WARNING, 0, 5, False)])
    yes, no = np.array([2], np.int8), np.array([0], np.int8)
    life.step(np.array([3]), np.array([0]), [yes], [no])
    life.step(np.array([3]), np.array([1]), [no], [yes])
    assert life.next_deadline(1) == 6
    assert [line(step) for step in life.end(np.array([3, 4]), 2, "forgotten")] == ["2 resolved warning forgotten"]
    assert life.next_deadline(1) is None
    assert life.end(np.array([3]), 3, "forgotten") == []


def test_a_snapshot_goes_on_where_it_was_taken() -> None:
    """Holds under way, levels that are up, silence and numbers come back, under other places too."""
    levels = [Holds(CRITICAL, 3, 0, False), Holds(WARNING, 0, 2, False)]
    one = Lifecycle(levels)
    raised = [np.array([2], np.int8), np.array([2], np.int8)]
    clear = [2 - each for each in raised]
    one.step(np.array([7]), np.array([0]), raised, clear)
    two, three = Lifecycle(levels), Lifecycle(levels)
    two.restore(one.snapshot())
    three.restore(one.snapshot(), np.array([1]))
    later = [
        [line(step) for step in life.step(np.array([place]), np.array([3]), raised, clear)]
        for life, place in ((one, 7), (two, 7), (three, 1))
    ]
    assert later == [["3 escalated critical"]] * 3
