"""How a worker tells the supervisor how it is: one `Report` after another, the newest one counts."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

Labels = tuple[tuple[str, str], ...]
"""Sorted (name, value) pairs of a metric."""


@dataclass(frozen=True, slots=True)
class Report:
    """The state of one worker at one instant; every report is complete in itself, so losing one costs nothing.

    `counters` are totals since the worker's start, `gauges` values of now, both by (metric name, labels).
    `watermarks_ms` is by task as (stage, topic, partition). `phase` is what the worker is doing: starting, replaying,
    running, waiting, leaving. `notes` are things to log or to alert on, in the worker's words, since its start; the
    receiver remembers how many it has seen.
    """

    shard: int
    at_ms: int
    phase: str
    epoch: int = 0
    counters: Mapping[tuple[str, Labels], float] = field(default_factory=dict)
    gauges: Mapping[tuple[str, Labels], float] = field(default_factory=dict)
    watermarks_ms: Mapping[tuple[int, str, int], int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()


class Telemetry(Protocol):
    def report(self, report: Report) -> None:
        """Hand over a report; also the heartbeat. Never waits and never fails: a report may be lost."""

    def close(self) -> None: ...
