"""What is learnt: medians over the same hours, masks per rule, and what survives a restart or an edit.

That answers are those of a written definition is law 6, `tests/laws/test_law_6_baselines.py`.
"""

from __future__ import annotations

import numpy as np
import pytest

from streamwatchd import functions
from streamwatchd.batch import Frame
from streamwatchd.lang.typed import NUMBER, Aggregate, Baseline, Field
from streamwatchd.operators.baseline import HOUR_MS, SAMPLE_MS, WEEK_MS, Baselines
from streamwatchd.operators.dimension import Dimensions
from streamwatchd.operators.evaluate import Evaluator
from streamwatchd.operators.spec import BaselineSpec
from streamwatchd.packing import pack, unpack
from tests.operators.bench import Bench

E = Aggregate("avg", Field("x", NUMBER), None, 300_000, 0, None, NUMBER)
USUAL, SPREAD = Baseline("usual", E, NUMBER), Baseline("spread", E, NUMBER)
SPEC = BaselineSpec("baseline:1", E, (USUAL, SPREAD), SAMPLE_MS)
KEYS, MEMBERS = np.array([0, 1, 0, 1], np.intp), np.array([0, 0, 1, 1], np.intp)
"""Two rules and two keys."""

NONE = np.zeros(0, np.intp)
NOW = 4 * WEEK_MS + 10 * HOUR_MS + SAMPLE_MS


def learner() -> tuple[Baselines, Evaluator]:
    evaluator = Evaluator(Dimensions({}, {}), functions.evaluators())
    return Baselines((SPEC,), ("r0", "r1"), 60_000, evaluator), evaluator


def teach(
    baselines: Baselines, evaluator: Evaluator, at_ms: int, *values: float, left_out: tuple[int, ...] = ()
) -> None:
    frame = Frame(np.full(len(KEYS), at_ms, np.int64), {})
    evaluator.put(frame, E, np.array(values)[KEYS])
    baselines.learn(frame, at_ms, KEYS, MEMBERS, np.ones(len(KEYS), bool), np.array(left_out, np.intp))


def asked(baselines: Baselines, evaluator: Evaluator, at_ms: int = NOW) -> tuple[list[float], list[float]]:
    frame = Frame(np.full(len(KEYS), at_ms, np.int64), {})
    baselines.fill(frame, at_ms, KEYS, MEMBERS)
    return evaluator.column(USUAL, frame).tolist(), evaluator.column(SPREAD, frame).tolist()  # type: ignore[union-attr]


def taught() -> tuple[Baselines, Evaluator]:
    baselines, evaluator = learner()
    for week, (one, other) in enumerate([(1.0, 10.0), (2.0, 20.0), (6.0, 60.0), (4.0, 40.0)]):
        at_ms = NOW - (4 - week) * WEEK_MS
        teach(baselines, evaluator, at_ms, one, other, left_out=(1,) if week == 2 else ())
        teach(baselines, evaluator, at_ms + HOUR_MS, 999.0, 999.0)
        teach(baselines, evaluator, at_ms + 60_000, 999.0, 999.0)
    return baselines, evaluator


def test_the_usual_is_the_median_of_the_same_hours() -> None:
    """Other hours, and instants that are not sampled, don't count; what a rule left out counts for the others."""
    usual, spread = asked(*taught())
    assert usual == [3.0, 20.0, 3.0, 30.0]
    assert spread == pytest.approx([1.4826 * 1.5, 14.826, 1.4826 * 1.5, 22.239])


def test_nothing_is_usual_at_an_hour_without_samples() -> None:
    """Nor for a key that came later."""
    baselines, evaluator = taught()
    assert np.isnan(asked(baselines, evaluator, NOW + 5 * HOUR_MS)[0]).all()


def test_what_is_learnt_survives_a_restart() -> None:
    """Through bytes."""
    baselines, evaluator = taught()
    again, other = learner()
    again.restore(unpack(pack(baselines.snapshot())), 2)
    assert asked(again, other) == asked(baselines, evaluator)
    assert again.began_ms == baselines.began_ms


def test_an_edit_takes_over_what_was_learnt() -> None:
    """Masks go with the rules, under their new names."""
    old, evaluator = taught()
    new = Baselines((SPEC,), ("r1", "renamed"), 60_000, evaluator)
    new.adopt(old, {"r0": "renamed"})
    assert asked(new, evaluator)[0] == [3.0, 30.0, 3.0, 20.0]


def test_samples_go_after_five_weeks() -> None:
    """What is kept is bounded by what is asked: four weeks and an hour."""
    baselines, evaluator = taught()
    teach(baselines, evaluator, NOW + 6 * WEEK_MS, 1.0, 1.0)
    _, ((_, samples),), masks = unpack(pack(baselines.snapshot()))
    assert len(samples) == 1
    assert masks == []


def test_nothing_is_overlooked_between_samples_and_hours() -> None:
    """The usual changes with the hour; samples are taken at their instants."""
    baselines, _ = learner()
    assert baselines.next_ms(10 * HOUR_MS) == 10 * HOUR_MS
    assert baselines.next_ms(10 * HOUR_MS + 1) == 10 * HOUR_MS + SAMPLE_MS - 1


def test_a_key_that_is_silent_for_days_keeps_what_is_usual_for_it() -> None:
    """It is known as long as anything that its rule reads looks back: 28 days here."""
    day = 86_400
    learning = "every: 20m, min_history: 8d, when: c > usual(c) + 10%, values: {c: avg(x over 20m)}"
    bench = Bench(f"  - {{alarm: odd, by: host, {learning}}}\n")
    for first in range(9):
        bench.feed(*((first * day + at, {"host": host, "x": 30}) for at in range(0, day, 600) for host in "ab"))
    bench.feed(*((at, {"host": "b", "x": 30}) for at in range(9 * day, 11 * day, 600)))
    bench.feed(*((at, {"host": host, "x": 60}) for at in range(11 * day, 11 * day + 7_200, 600) for host in "a"))
    bench.clock(11 * day + 7_200)
    assert [line.split()[1:] for line in bench.alerts()] == [["odd", "fired", "warning", "a"]]
