"""How windows are read: steps of long windows, look-backs, and the width of panes that serves them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from math import gcd

from streamwatchd.calendars.clock import LocalDays
from streamwatchd.operators.spec import DayWindow, Window

STEPS = 288
"""A window of an alarm moves by no less than this part of its length (24 h by 5 min)."""

LOOK_BACK_STEPS = 2_016
"""A look-back moves by no less than this part of its distance (7 d by 5 min)."""


def _up_to_multiple(value: int, step: int) -> int:
    return -(-value // step) * step


def window_of(size_ms: int, every_ms: int, ago_ms: int, *, coarse: bool) -> Window:
    """The window of an aggregate; `coarse` applies the rule of 288 steps (alarms)."""
    step = every_ms
    if coarse and size_ms > STEPS * every_ms:
        step = _up_to_multiple(-(-size_ms // STEPS), every_ms)
    if ago_ms:
        step = max(step, _up_to_multiple(-(-ago_ms // LOOK_BACK_STEPS), every_ms))
    return Window(size_ms, step, ago_ms, gcd(step, size_ms))


def day_window_of(size_ms: int, every_ms: int, ago_ms: int, zone: str) -> Window:
    """The same in days of a zone."""
    plain = window_of(size_ms, every_ms, ago_ms, coarse=False)
    return DayWindow(size_ms, plain.step_ms, ago_ms, gcd(LocalDays(zone, 1).grid_ms, size_ms), zone)


def finest_width(windows: Iterable[Window], every_ms: int) -> int:
    """The width of the panes that events of one rule enter: it divides `every` and the width of each window."""
    return gcd(every_ms, *(window.width_ms for window in windows))


def on_panes_of(window: Window, width_ms: int, every_ms: int) -> Window:
    """A window that steps by `every` is read from the finest panes; coarser ones have panes of their own."""
    return replace(window, width_ms=width_ms) if window.step_ms == every_ms else window


def retention_of(window: Window) -> int:
    """How long before T a pane can still be read."""
    return window.size_ms + window.ago_ms + 2 * window.step_ms
