"""Silence, and how far it lets watermarks go."""

from __future__ import annotations

import pytest

from streamwatchd.batch import RawBatch
from streamwatchd.ports.kafka import Partition, Taken
from streamwatchd.shard.idle import Pace, Silence, Standing
from streamwatchd.shard.version import BEGINNING

A, B = Partition("in", 0), Partition("in", 1)
HOUR = 3_600_000


def test_idle_is_silent_at_the_end_for_long_enough() -> None:
    """Both are needed: a partition that is only slow to come is not idle."""
    silence = Silence([A, B], now=0.0)
    silence.note(Taken([], frozenset([A])), now=1.0)
    assert silence.idle({"in": 5_000}, now=4.9) == set()
    assert silence.idle({"in": 5_000}, now=5.0) == {A}


def test_a_record_ends_the_idleness() -> None:
    """The silence is counted anew."""
    silence = Silence([A], now=0.0)
    silence.note(Taken([RawBatch("in", 0, [b""], [0], [0])], frozenset([A])), now=9.0)
    assert silence.idle({"in": 5_000}, now=10.0) == set()
    assert silence.idle({"in": 5_000}, now=14.0) == {A}


def test_exchange_partitions_are_never_idle() -> None:
    """Their watermarks come from their feeders."""
    exchange = Partition("x.2", 0)
    silence = Silence([exchange], now=0.0)
    silence.note(Taken([], frozenset([exchange])), now=0.0)
    assert silence.idle({"in": 0}, now=100.0) == set()


def test_the_idle_follow_the_least_of_the_live() -> None:
    """And wait for a live one that has not had a record yet."""
    pace = Pace(max_delay_ms=5_000, idle_jump_ms=HOUR)
    live = [Standing(700, False), Standing(300, False), Standing(100, True)]
    assert pace.target(live, 10**9, 0) == 300
    assert pace.target([*live, Standing(BEGINNING, False)], 10**9, 0) is None


def test_all_idle_near_the_clock_go_with_the_clock() -> None:
    """So that total silence is noticed."""
    pace = Pace(5_000, HOUR)
    now = 100 * HOUR
    idle = [Standing(now - 60_000, True), Standing(now - 90_000, True)]
    assert pace.target(idle, now, 0) == now - 5_000
    assert pace.target(idle, now + 1_000, 1_000) == now - 4_000


def test_all_idle_at_the_end_of_an_old_recording_go_on_at_the_clocks_pace() -> None:
    """They meet at the highest watermark and do not jump over months."""
    pace = Pace(5_000, HOUR)
    now = 100 * HOUR
    idle = [Standing(now - 50 * HOUR, True), Standing(now - 60 * HOUR, True)]
    assert pace.target(idle, now, 0) == now - 50 * HOUR
    assert pace.target(idle, now + 2_500, 2_500) == now - 50 * HOUR + 2_500


def test_the_pace_starts_anew_after_a_live_spell() -> None:
    """Time that passed while one was live is not added up."""
    pace = Pace(5_000, HOUR)
    pace.target([Standing(1_000, True)], 100 * HOUR, 0)
    pace.target([Standing(2_000, False)], 101 * HOUR, HOUR)
    assert pace.target([Standing(2_000, True)], 102 * HOUR, 2 * HOUR) == 2_000


def test_a_watermark_never_goes_back() -> None:
    """Events ahead of the clock keep what they reached."""
    pace = Pace(5_000, HOUR)
    assert pace.target([Standing(10**9, True)], 10**9, 0) == 10**9


def test_without_any_record_there_is_no_watermark() -> None:
    """An empty topic judges nothing."""
    assert Pace(5_000, HOUR).target([Standing(BEGINNING, True)], 10**9, 0) is None
    assert Pace(5_000, HOUR).target([], 10**9, 0) is None


YEARS = 10 * 365 * 24 * HOUR


@pytest.mark.parametrize("jump_ms", [-YEARS, -HOUR, -1_000, 1_000, HOUR, YEARS])
def test_a_clock_that_is_set_while_all_are_silent_moves_nothing(jump_ms: int) -> None:
    """Neither a storm of silence nor a standstill: the monotonic clock sets the pace."""
    pace, now = Pace(5_000, HOUR), 100 * HOUR
    idle = [Standing(now - 60_000, True)]
    assert pace.target(idle, now, 0) == now - 5_000
    assert pace.target(idle, now + jump_ms + 1_000, 1_000) == now - 4_000
    assert pace.target([Standing(now - 4_000, True)], now + jump_ms + 3_000, 3_000) == now - 2_000


@pytest.mark.parametrize("off_ms", [-YEARS, -HOUR, HOUR, YEARS])
def test_a_clock_that_was_wrong_before_the_silence_began_sets_the_pace_only(off_ms: int) -> None:
    """From where the watermark stood."""
    pace, now = Pace(5_000, HOUR), 100 * HOUR
    idle = [Standing(now - 5_000, True)]
    assert pace.target(idle, now + off_ms, 0) == now - 5_000
    assert pace.target(idle, now + off_ms + 2_000, 2_000) == now - 3_000


def test_records_of_an_old_recording_that_come_between_two_looks_are_taken_over() -> None:
    """The pace goes on from the newest of them."""
    pace, now = Pace(5_000, HOUR), 10**6 * HOUR
    assert pace.target([Standing(HOUR, True)], now, 0) == HOUR
    assert pace.target([Standing(3 * HOUR, True)], now + 1_000, 1_000) == 3 * HOUR
    assert pace.target([Standing(3 * HOUR, True)], now + 2_000, 2_000) == 3 * HOUR + 1_000
