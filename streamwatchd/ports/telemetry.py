"""How a worker tells the supervisor how it is: one `Report` after another, the newest one counts."""

from __future__ import annotations

from collections.abc import Mapping
from ctypes import Array, c_char
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from threading import Condition, Thread
from typing import Protocol

Labels = tuple[tuple[str, str], ...]
"""Sorted (name, value) pairs of a metric."""


@dataclass(frozen=True, slots=True)
class Histogram:
    """`counts` are per bucket of its metric's bounds, and one for what lies above them all; `total` sums the values."""

    counts: tuple[int, ...]
    total: float


@dataclass(frozen=True, slots=True)
class Report:
    """The state of one worker at one instant; every report is complete in itself, so losing one costs nothing.

    `counters` and `histograms` are totals since the worker's start, `gauges` values of now, all by (metric name,
    labels); `ports.catalogue` has the names.
    `watermarks_ms` is by task as (stage, topic, partition). `phase` is what the worker is doing: starting, replaying,
    running, waiting, leaving. `notes` are things to log or to alert on, in the worker's words, since its start; the
    receiver remembers how many it has seen. `idle` are the tasks that are silent at their end, `behind` those of
    sources that catch up, `held` those of them that wait for others; `oldest_version` is the lowest version number that
    recovery may need, None while it may need all. `troubles` are what does not work just now while the work goes on:
    what → why, and what to do.
    """

    shard: int
    at_ms: int
    phase: str
    epoch: int = 0
    counters: Mapping[tuple[str, Labels], float] = field(default_factory=dict)
    gauges: Mapping[tuple[str, Labels], float] = field(default_factory=dict)
    watermarks_ms: Mapping[tuple[int, str, int], int] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
    idle: frozenset[tuple[int, str, int]] = frozenset()
    behind: frozenset[tuple[int, str, int]] = frozenset()
    held: frozenset[tuple[int, str, int]] = frozenset()
    oldest_version: int | None = None
    histograms: Mapping[tuple[str, Labels], Histogram] = field(default_factory=dict)
    troubles: Mapping[str, str] = field(default_factory=dict)


class Telemetry(Protocol):
    def report(self, report: Report) -> None:
        """Hand over a report; also the heartbeat. Never waits and never fails: a report may be lost."""

    def at_work(self, what: str) -> None:
        """What is being evaluated now, empty when it is done: for whoever asks what a worker died of."""

    def close(self) -> None: ...


class BlackBox:
    """A short text in memory that the supervisor shares: it is there however suddenly the worker ends."""

    SIZE = 256

    def __init__(self, memory: Array[c_char]) -> None:
        """`memory` holds `SIZE` bytes."""
        self._memory = memory

    def write(self, text: str) -> None:
        self._memory.value = text.encode()[: self.SIZE - 1]

    def read(self) -> str:
        return self._memory.value.decode(errors="ignore")


class ListTelemetry:
    """Keeps every report: in one process, and in tests."""

    def __init__(self) -> None:
        self.reports: list[Report] = []

    def report(self, report: Report) -> None:
        self.reports.append(report)

    def at_work(self, what: str) -> None:
        """Nobody asks."""

    def close(self) -> None:
        """Nothing is open."""


class PipeTelemetry:
    """Sends reports through a multiprocessing connection from a thread of its own.

    A receiver that does not read costs the worker nothing: an unsent report is replaced by the next. The receiver gets
    `Report` objects from `Connection.recv`.
    """

    def __init__(self, connection: Connection, box: BlackBox | None = None) -> None:
        self._connection = connection
        self._box = box
        self._changed = Condition()
        self._next: Report | None = None
        self._closed = False
        self._thread = Thread(target=self._run, name="telemetry", daemon=True)
        self._thread.start()

    def report(self, report: Report) -> None:
        with self._changed:
            self._next = report
            self._changed.notify()

    def at_work(self, what: str) -> None:
        if self._box is not None:
            self._box.write(what)

    def _run(self) -> None:
        while (report := self._take()) is not None:
            try:
                self._connection.send(report)
            except OSError:
                return

    def _take(self) -> Report | None:
        with self._changed:
            self._changed.wait_for(lambda: self._next is not None or self._closed)
            report, self._next = self._next, None
            return report

    def close(self) -> None:
        """Sends what waits, for at most a second."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join(timeout=1)
        self._connection.close()
