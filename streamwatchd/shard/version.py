"""Versions of what is in force: which content, from which event-time instant."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streamwatchd.enrichment.table import TableData
    from streamwatchd.plan.program import Program


@dataclass(frozen=True, slots=True)
class Input:
    """What the worker itself must know of a source: its topic, when a partition counts as idle, its disorder."""

    topic: str
    idle_after_ms: int
    max_delay_ms: int


@dataclass(frozen=True, slots=True)
class Content:
    """Rules, tables and sources, compiled; `digest` names the bytes they were compiled from.

    `stages` is the number of the last stage: 1 without an exchange.
    """

    digest: str
    program: Program
    tables: Mapping[str, TableData]
    inputs: tuple[Input, ...]
    stages: int = 1


@dataclass(frozen=True, slots=True)
class Version:
    """The content `digest` is in force from the event-time instant `at_ms` (E) on. Numbers count from 0, without gaps.

    The first version has the instant `BEGINNING`.
    """

    number: int
    at_ms: int
    digest: str


BEGINNING = -(2**62)
"""Before every event time; watermarks of partitions without a record are at or below it."""

Contents = Callable[[str], Content]
"""Digest → content; raises StateMismatch when it is kept no more."""
