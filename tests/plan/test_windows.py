"""How windows step and on which panes they are read."""

from __future__ import annotations

import pytest

from streamwatchd.operators.spec import Window
from streamwatchd.plan.windows import finest_width, on_panes_of, retention_of, window_of

S, M, H, D = 1_000, 60_000, 3_600_000, 86_400_000


@pytest.mark.parametrize(
    ("size", "every", "ago", "coarse", "step"),
    [
        (5 * M, 10 * S, 0, True, 10 * S),
        # 288 steps are fine, 289 are not
        (288 * 10 * S, 10 * S, 0, True, 10 * S),
        (289 * 10 * S, 10 * S, 0, True, 20 * S),
        (D, 10 * S, 0, True, 5 * M),
        (D, 7 * S, 0, True, 301 * S),
        # a KPI keeps its step
        (D, 10 * S, 0, False, 10 * S),
        (H, 10 * S, 7 * D, True, 5 * M),
        (30 * M, 10 * S, H, True, 10 * S),
        (D, 10 * S, H, True, 5 * M),
    ],
)
def test_long_windows_and_look_backs_move_in_larger_steps(
    size: int, every: int, ago: int, coarse: bool, step: int
) -> None:
    """By 1/288 of the length and 1/2016 of the distance, rounded up to a multiple of `every`."""
    window = window_of(size, every, ago, coarse=coarse)
    assert (window.size_ms, window.step_ms, window.ago_ms) == (size, step, ago)
    assert size % window.width_ms == step % window.width_ms == 0


@pytest.mark.parametrize(
    ("sizes", "every", "width"),
    [
        ([5 * M], 10 * S, 10 * S),
        ([25 * S], 10 * S, 5 * S),
        ([M, 45 * S], 30 * S, 15 * S),
        ([], 10 * S, 10 * S),
        ([D, M], 10 * S, 10 * S),
    ],
)
def test_a_rules_finest_panes_divide_all_its_windows(sizes: list[int], every: int, width: int) -> None:
    """And its step; windows that step by `every` are read from them, coarser ones from their own."""
    windows = [window_of(size, every, 0, coarse=True) for size in sizes]
    assert finest_width(windows, every) == width
    for window in windows:
        read = on_panes_of(window, width, every)
        assert read.width_ms == (width if window.step_ms == every else window.width_ms)
        assert read.width_ms % width == 0


def test_panes_stay_while_a_window_can_reach_them() -> None:
    """The look-back included, and a step of slack at either end."""
    window = Window(60 * S, 10 * S, H, 10 * S)
    reached = 100 * H - (window.end(100 * H) - window.size_ms)
    assert retention_of(window) >= reached + window.step_ms
