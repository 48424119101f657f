"""The records, marks and switches that a daemon committed, through shards that nobody kills and through the oracle."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from streamwatchd.batch import RawBatch
from streamwatchd.compiler import Compiled
from streamwatchd.ports.kafka import Partition, split
from streamwatchd.shard.journal import EpochRecord
from streamwatchd.shard.output import Mark, TaskId
from streamwatchd.shard.version import Version
from streamwatchd.testing.driver import Driver
from streamwatchd.testing.playback import joined
from tests.oracle.compare import Plain, from_oracle, plain_outputs
from tests.oracle.oracle import answers
from tests.oracle.reading import LogItem, MarkAt, Record

MAX_FUTURE_MS = 300_000
BACKFILL_MS = 3_600_000
"""As far back as the daemon does, which says nothing else of it: panes of rules that come are filled here, too."""


@dataclass(frozen=True, slots=True)
class Taken:
    """Records up to offset `end`, judged by the clock `now_ms`."""

    end: int
    now_ms: int


Act = Taken | Mark | Version


@dataclass(slots=True)
class Script:
    """What one source partition took in and has not been played yet; `log` are its records from there on."""

    acts: deque[Act] = field(default_factory=deque)
    log: RawBatch | None = None

    def take(self, end: int) -> RawBatch | None:
        """The records below `end`."""
        if self.log is None:
            return None
        part, self.log = split(self.log, end)
        return part if len(part) else None


class Reenactment:
    """Play what is new; `outputs` grow. Differences in the order between partitions mean nothing, by law 1."""

    def __init__(
        self, first: Compiled, partitions: Mapping[Partition, None], exchange_partitions: int, *,
        heeds_switches: bool = True,
    ) -> None:  # fmt: skip
        """Without `heeds_switches` the first version stays in force."""
        self._heeds_switches = heeds_switches
        assert first.program is not None
        self._first = first
        self._counts: dict[str, int] = {}
        for each in partitions:
            self._counts[each.topic] = self._counts.get(each.topic, 0) + 1
        self._driver = Driver(
            first.program, first.loaded.tables, self._counts, exchange_partitions=exchange_partitions,
            max_future_ms=MAX_FUTURE_MS, backfill_ms=BACKFILL_MS,
        )  # fmt: skip
        self._scripts = {each: Script() for each in partitions}
        self._oracle_logs: dict[tuple[str, int], list[LogItem]] = {(p.topic, p.partition): [] for p in partitions}
        self.switches: list[Version] = []
        self.now_ms = 0

    def add_records(self, new: Mapping[Partition, list[RawBatch]]) -> None:
        for partition, batches in new.items():
            script = self._scripts[partition]
            both = ([script.log] if script.log is not None and len(script.log) else []) + batches
            script.log = joined(both) if both else None

    def add_epochs(self, epochs: list[EpochRecord]) -> None:
        """New epochs of one shard."""
        for record in epochs:
            for task, its_range in record.ranges.items():
                if task.stage == 1:
                    acts = self._scripts[Partition(task.topic, task.partition)].acts
                    acts += record.switches if self._heeds_switches else ()
                    acts += _acts(record, task, its_range.end)

    def play(self, contents: Mapping[str, Compiled]) -> None:
        """As far as the scripts go; a switch waits until every partition has come to it."""
        while True:
            for partition, script in self._scripts.items():
                while script.acts and not isinstance(script.acts[0], Version):
                    self._play(partition, script, script.acts.popleft())
            heads = [script.acts[0] if script.acts else None for script in self._scripts.values()]
            version = heads[0]
            if not isinstance(version, Version) or any(head is None for head in heads):
                return
            assert all(head == version for head in heads), f"shards do not agree on a version: {set(heads)}"
            self._switch(version, contents[version.digest])

    def _play(self, partition: Partition, script: Script, act: Act) -> None:
        log = self._oracle_logs[partition.topic, partition.partition]
        if isinstance(act, Mark):
            log.append(MarkAt(act.watermark_ms))
            self._driver.mark(act)
        elif isinstance(act, Taken) and (batch := script.take(act.end)) is not None:
            log += (
                Record(payload, offset, stamp)
                for payload, offset, stamp in zip(batch.payloads, batch.offsets, batch.timestamps, strict=True)
            )
            self._driver.now_ms = self.now_ms = max(self.now_ms, act.now_ms)
            self._driver.feed(batch)

    def _switch(self, version: Version, compiled: Compiled) -> None:
        assert compiled.program is not None
        self._driver.switch(compiled.program, compiled.loaded.tables, version.at_ms)
        self.switches.append(version)
        for script in self._scripts.values():
            script.acts.popleft()

    @property
    def left(self) -> int:
        """Acts that wait for a switch of other shards."""
        return sum(len(script.acts) for script in self._scripts.values())

    def engine(self) -> dict[str, list[Plain]]:
        return plain_outputs(self._driver.outputs)

    def oracle(self) -> dict[str, list[Plain]]:
        """As if the first version had been in force all the time."""
        loaded = self._first.loaded
        horizon_ms = self.now_ms + MAX_FUTURE_MS
        return from_oracle(answers(loaded.ruleset, loaded.tables, self._counts, self._oracle_logs, horizon_ms))


def _acts(record: EpochRecord, task: TaskId, end: int) -> Iterator[Act]:
    for mark in record.marks:
        if mark.task == task:
            yield Taken(mark.offset, record.now_ms)
            yield mark
    yield Taken(end, record.now_ms)
