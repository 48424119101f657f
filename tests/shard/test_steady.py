"""The clock of stamps from the future."""

from __future__ import annotations

import pytest

from streamwatchd.ports.clock import ManualClock
from streamwatchd.shard.steady import SteadyClock

START, HOUR = 1_767_571_200_000, 3_600_000
YEARS = 10 * 365 * 24 * HOUR


@pytest.mark.parametrize("back_ms", [1_500, HOUR, YEARS])
def test_set_back_it_goes_on_by_the_monotonic_clock(back_ms: int) -> None:
    """And says so once, until the wall clock has caught up."""
    steps: list[int] = []
    clock = ManualClock(START)
    steady = SteadyClock(clock, steps.append, START, HOUR)
    clock.advance(1_000)
    clock.jump(-back_ms)
    assert steady.now_ms() == START + 1_000
    clock.advance(500)
    assert steady.now_ms() == START + 1_500
    clock.jump(back_ms)
    assert steady.now_ms() == START + 1_500
    assert steps == [-back_ms]


@pytest.mark.parametrize("ahead_ms", [1_500, HOUR, YEARS])
def test_set_ahead_it_follows(ahead_ms: int) -> None:
    """A clock that was too early and is put right: good records must not stay stamps from the future."""
    steps: list[int] = []
    clock = ManualClock(START)
    steady = SteadyClock(clock, steps.append, START, HOUR)
    clock.jump(ahead_ms)
    assert steady.now_ms() == START + ahead_ms
    clock.jump(-ahead_ms)
    clock.advance(10)
    assert steady.now_ms() == START + ahead_ms + 10
    assert steps == [ahead_ms, -ahead_ms]


def test_small_corrections_are_no_steps() -> None:
    """A clock that is slewed is right."""
    steps: list[int] = []
    clock = ManualClock(START)
    steady = SteadyClock(clock, steps.append, START, HOUR)
    clock.jump(-300)
    assert steady.now_ms() == START
    clock.jump(600)
    assert steady.now_ms() == START + 300
    assert not steps


def test_it_begins_no_earlier_than_what_was_taken_in() -> None:
    """A start under a wrong clock; stamps that are ahead by what is allowed say nothing."""
    clock = ManualClock(START - YEARS)
    assert SteadyClock(clock, lambda by_ms: None, START, HOUR).now_ms() == START
    clock = ManualClock(START - HOUR)
    assert SteadyClock(clock, lambda by_ms: None, START, HOUR).now_ms() == START - HOUR
