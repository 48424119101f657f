"""Instants at even distances: where somebody at a later stage may be due."""

from __future__ import annotations

Grid = tuple[int, int]
"""The multiples of the first, in ms, each moved on by the second."""


def last_of(grid: Grid, limit_ms: int) -> int:
    """The last of its instants up to a limit."""
    step_ms, first_ms = grid
    return (limit_ms - first_ms) // step_ms * step_ms + first_ms


def moved(grid: Grid, by_ms: int) -> Grid:
    """What comes so long after each."""
    step_ms, first_ms = grid
    return step_ms, (first_ms + by_ms) % step_ms


def holds(grid: Grid, other: Grid) -> bool:
    """Whether it has all instants of another one."""
    step_ms, first_ms = grid
    return other[0] % step_ms == 0 and (other[1] - first_ms) % step_ms == 0
