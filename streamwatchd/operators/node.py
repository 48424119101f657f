"""What a running node is: something that is due at instants of event time and then judges."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from streamwatchd.batch import Frame
from streamwatchd.operators.document import Document

EmitAlert = Callable[[Document], None]
EmitKpi = Callable[[Document], None]
Push = Callable[[str, Frame], None]
"""Rows of a derived stream, by its name."""


class Node(Protocol):
    """`roots` are the streams whose watermarks say how far the node may judge."""

    id: str
    roots: frozenset[str]

    def due(self, limit_ms: int) -> int | None:
        """The next instant T ≤ limit at which there is something to judge."""

    def judge(self, judged_ms: int) -> None:
        """Judge at T; called with what `due` gave, in ascending order."""

    def snapshot(self) -> Any:
        """Its state as packable values."""

    def restore(self, state: Any) -> None:
        """The inverse."""


def first_multiple_above(time_ms: Any, step_ms: int) -> Any:
    """The least multiple of the step above a time, or per entry of an array of times."""
    return (time_ms // step_ms + 1) * step_ms


def first_multiple_from(time_ms: int, step_ms: int) -> int:
    """The least multiple of the step at or above a time."""
    return -(-time_ms // step_ms) * step_ms


def least(*instants: int | None) -> int | None:
    """The smallest that is given."""
    return min((instant for instant in instants if instant is not None), default=None)
