"""Stretches of the past that a change of rules reads once more, and who takes them in."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from streamwatchd.batch import RawBatch
from streamwatchd.shard.output import TaskId


@dataclass(frozen=True, slots=True)
class Stretch:
    """Records [start, end) of a task's input, read once more at a change; all rows from `from_ms` on are among them.

    `tables_ms`: earlier changes of tables were not known any more, and count as if they had not been.
    """

    task: TaskId
    start: int
    end: int
    from_ms: int
    tables_ms: int


class PastLike(Protocol):
    """The part of `Past` that reads; simulations put a small one in its place. See there."""

    @property
    def reach_ms(self) -> int: ...
    @property
    def tables_ms(self) -> int: ...

    def step(self, raw: RawBatch) -> None: ...
    def renew(self, newer: PastLike) -> bool: ...


Filled = Mapping[TaskId, tuple[PastLike, int]]
"""By task who has taken in its past, and from which instant on all rows of it."""
