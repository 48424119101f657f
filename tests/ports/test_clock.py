"""The clocks: one moves by itself, one by hand."""

from __future__ import annotations

import time

import pytest

from streamwatchd.ports.clock import Clock, ManualClock, SystemClock


def test_the_system_clock_counts_milliseconds_since_1970() -> None:
    """And its monotonic side never goes back."""
    clock: Clock = SystemClock()
    assert abs(clock.now_ms() - time.time() * 1000) < 60_000
    before = clock.monotonic()
    clock.sleep(0)
    assert clock.monotonic() >= before


def test_a_manual_clock_moves_only_by_hand() -> None:
    """Sleeping moves both sides."""
    clock = ManualClock(1000)
    assert (clock.now_ms(), clock.monotonic()) == (1000, 0.0)
    clock.sleep(0.25)
    clock.advance(750)
    assert (clock.now_ms(), clock.monotonic()) == (2000, 1.0)


def test_a_jump_moves_only_the_wall() -> None:
    """As when an operator sets the time; time itself does not go back."""
    clock = ManualClock(1000)
    clock.jump(-500)
    assert (clock.now_ms(), clock.monotonic()) == (500, 0.0)
    with pytest.raises(ValueError):
        clock.advance(-1)
