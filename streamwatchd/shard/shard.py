"""A shard: a set of tasks in one process, pure (no I/O, no clock; time is an argument)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from streamwatchd.batch import RawBatch
from streamwatchd.compiler import Program
from streamwatchd.enrichment.table import TableData
from streamwatchd.shard.output import ExchangeRecord, Mark, Output, TaskId


class Shard:
    """Evaluates records of its tasks; outputs pile up until they are drained.

    Feeding the same records and marks in the same order per task gives the same outputs, whatever the batches and the
    order among tasks.
    """

    def __init__(
        self,
        program: Program,
        tables: Mapping[str, TableData],
        tasks: Iterable[TaskId],
        partitions: Mapping[str, int],
        exchange_partitions: int,
        max_future_ms: int = 300_000,
    ) -> None:
        """`partitions` maps every source topic to its partition count (merge tasks know their feeders by it)."""

    def step(self, raw: RawBatch, now_ms: int) -> None:
        """Take in records of a source partition. `now_ms` bounds stamps from the future (+ `max_future_ms`)."""

    def merge(self, stage: int, partition: int, payloads: list[bytes]) -> None:
        """Take in records of an exchange partition."""

    def mark(self, mark: Mark) -> None:
        """Let a task's watermark go on without a record."""

    def drain(self) -> tuple[list[Output], list[ExchangeRecord]]:
        """All outputs since the last call."""

    def switch(self, at_ms: int, program: Program, tables: Mapping[str, TableData]) -> None:
        """New rules and tables from the event-time instant `at_ms` (E): it must lie above `max_event_time()`."""

    def max_event_time(self) -> int:
        """The largest event time that any task has taken in, or a very small number."""

    def watermarks(self) -> dict[TaskId, int]:
        """Per task, for idleness, journal and metrics."""

    def snapshot(self) -> dict[TaskId, bytes]:
        """The state of every task at this instant."""

    def restore(self, states: Mapping[TaskId, bytes]) -> None:
        """The inverse; raises SnapshotCorrupt where a state can't be read."""

    def counters(self) -> dict[tuple[str, str, str], int]:
        """(name, label, value) → count since start: events, late, dead letters, dropped, unkeyed, keys, …"""
