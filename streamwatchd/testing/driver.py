"""The daemon's own shards on one thread: records in, outputs out; the exchange is a queue, time an argument.

Marks are given by the caller; `testing.playback` derives them from a recording's timestamps.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping

from streamwatchd.batch import RawBatch
from streamwatchd.enrichment.table import TableData
from streamwatchd.plan.program import Program
from streamwatchd.shard.output import ExchangeRecord, Mark, Output, TaskId
from streamwatchd.shard.past import Past
from streamwatchd.shard.shard import Shard
from streamwatchd.shard.task import NEVER

FAR_FUTURE = 2**61


class Driver:
    """A program on `shards` shards (tasks are spread round-robin)."""

    def __init__(
        self,
        program: Program,
        tables: Mapping[str, TableData],
        partitions: Mapping[str, int],
        *,
        shards: int = 1,
        exchange_partitions: int = 4,
        now_ms: int = FAR_FUTURE,
        max_future_ms: int = 300_000,
        backfill_ms: int = 0,
    ) -> None:
        """`partitions` maps the topics of all sources to their partition counts; `now_ms` bounds future stamps.

        With `backfill_ms` it retains the records, as Kafka does, and fills panes of rules that come later, so far back.
        """
        self.program, self.now_ms = program, now_ms
        self.partitions, self.exchange_partitions = dict(partitions), exchange_partitions
        first = [TaskId(1, s.topic, p) for s in program.plan.sources.values() for p in range(partitions[s.topic])]
        later = [TaskId(stage.stage, "", p) for stage in program.plan.later for p in range(exchange_partitions)]
        owned: list[list[TaskId]] = [[] for _ in range(shards)]
        for number, task in enumerate([*first, *later]):
            owned[number % shards].append(task)
        self.shards = [Shard(program, tables, tasks, partitions, exchange_partitions, max_future_ms) for tasks in owned]
        self._owner = {task: shard for shard, tasks in zip(self.shards, owned, strict=True) for task in tasks}
        self.outputs: list[Output] = []
        self.backfill_ms = backfill_ms
        self.log: list[RawBatch] = []
        self.forgets: set[TaskId] = set()
        """Of whose past nothing is retained."""
        self._exchange: deque[ExchangeRecord] = deque()

    def feed(self, raw: RawBatch) -> None:
        """Records of one partition."""
        shard = self._owner[TaskId(1, raw.topic, raw.partition)]
        if self.backfill_ms:
            self.log.append(raw)
        shard.step(raw, self.now_ms)
        self._collect(shard)

    def mark(self, mark: Mark) -> None:
        shard = self._owner[mark.task]
        shard.mark(mark)
        self._collect(shard)

    def switch(
        self, program: Program, tables: Mapping[str, TableData], at_ms: int | None = None, *, fills: bool = True
    ) -> int:
        """Other rules and tables, at the instant that it gives back: above every event time and watermark so far.

        With `fills` new panes have what the records say that were retained; a restart has that in its state.
        """
        if at_ms is None:
            highest = [max((shard.max_event_time(), *shard.watermarks().values())) for shard in self.shards]
            at_ms = max(0, max(highest) + 1)
        tasks = [TaskId(1, s.topic, p) for s in program.plan.sources.values() for p in range(self.partitions[s.topic])]
        tasks += [TaskId(s.stage, "", p) for s in program.plan.later for p in range(self.exchange_partitions)]
        fresh = [task for task in tasks if task not in self._owner]
        added: dict[int, list[TaskId]] = {}
        for number, task in enumerate(fresh, len(self._owner)):
            added.setdefault(number % len(self.shards), []).append(task)
            self._owner[task] = self.shards[number % len(self.shards)]
        for number, shard in enumerate(self.shards):
            pasts = self._pasts(shard, at_ms, program, tables) if fills and self.backfill_ms else {}
            shard.switch(at_ms, program, tables, added.get(number, ()), pasts)
        for shard in self.shards:
            self._collect(shard)
        self.program = program
        return at_ms

    def _pasts(
        self, shard: Shard, at_ms: int, program: Program, tables: Mapping[str, TableData]
    ) -> dict[TaskId, tuple[Past, int]]:
        pasts = {task: past for task, past in shard.pasts(at_ms, program, tables).items() if task not in self.forgets}
        for raw in self.log:
            past = pasts.get(TaskId(1, raw.topic, raw.partition))
            if past is not None:
                past.step(raw)
        return {task: (past, max(0, at_ms - 1 - min(self.backfill_ms, past.reach_ms))) for task, past in pasts.items()}

    def flush(self) -> None:
        """Close every window: the watermark of every source partition goes past all reaches."""
        high = max((shard.max_event_time() for shard in self.shards), default=NEVER)
        if high == NEVER:
            return
        for task in sorted(self._owner):
            if task.stage == 1:
                self.mark(Mark(task, -1, high + 2 * longest_reach(self.program)))

    def watermarks(self) -> dict[TaskId, int]:
        return {task: mark for shard in self.shards for task, mark in shard.watermarks().items()}

    def take_outputs(self) -> list[Output]:
        outputs, self.outputs = self.outputs, []
        return outputs

    def _collect(self, shard: Shard) -> None:
        outputs, records = shard.drain()
        self.outputs += outputs
        self._exchange.extend(records)
        while self._exchange:
            record = self._exchange.popleft()
            target = self._owner[TaskId(record.stage, "", record.partition)]
            target.merge(record.stage, record.partition, [record.payload])
            outputs, records = target.drain()
            self.outputs += outputs
            self._exchange.extend(records)


def longest_reach(program: Program) -> int:
    """How far back from now any window of the program begins, in ms; a minute at least."""
    stages = [*program.plan.first.values(), *program.plan.later]
    widest = [table.retention_ms for stage in stages for family in stage.families for table in family.tables]
    gaps = [kpi.session_ms for stage in stages for kpi in stage.kpis]
    return max([60_000, *widest, *gaps])
