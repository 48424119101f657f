"""Playing recorded traffic to a driver: batches of a good size, and the marks that record timestamps say.

Record timestamps are the clock. A partition without a record for `idle_after` of it is idle, and its watermark goes on
as the daemon's would (`shard.idle.Pace`) until its next record. That instant is found exactly, so the answers do not
depend on how the recording is cut into batches; they do need a recording that is about in order of time over all
partitions, as one from Kafka is. Where a recording holds the daemon's own marks, those are played instead.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import chain

import numpy as np

from streamwatchd.batch import RawBatch, Times
from streamwatchd.operators.spec import SourceSpec
from streamwatchd.recording import RecordedMark
from streamwatchd.shard.idle import Pace, Standing
from streamwatchd.shard.output import Mark, TaskId
from streamwatchd.shard.task import NEVER
from streamwatchd.testing.driver import Driver

BATCH = 20_000
MOST_PENDING = 8 * BATCH


class Playback:
    """Feed it what a recording gives, then `end()`. `unknown` counts records of topics that no source reads."""

    def __init__(self, driver: Driver, *, idle_jump_ms: int = 3_600_000, derive_marks: bool = True) -> None:
        """Without `derive_marks` the watermarks follow the records and the recorded marks alone."""
        self._driver = driver
        self._topics = {source.topic for source in driver.program.plan.sources.values()}
        self._pending: dict[TaskId, list[RawBatch]] = {}
        self._sizes: dict[TaskId, int] = {}
        self._clock = Clock(driver, idle_jump_ms) if derive_marks else None
        self.events = 0
        self.unknown: dict[str, int] = {}

    def add(self, item: RawBatch | RecordedMark) -> None:
        """The next item of the recording."""
        match item:
            case RawBatch():
                self._add_batch(item)
            case RecordedMark(stage, topic, partition, offset, watermark_ms):
                self._play()
                self._clock = None
                if topic in self._topics:
                    self._driver.mark(Mark(TaskId(stage, topic, partition), offset, watermark_ms))

    def end(self) -> None:
        """The recording is over: partitions that never spoke follow the others, what is open stays open."""
        self._play()
        if self._clock is not None:
            self._clock.end()

    def _add_batch(self, batch: RawBatch) -> None:
        if batch.topic not in self._topics:
            self.unknown[batch.topic] = self.unknown.get(batch.topic, 0) + len(batch)
            return
        task = TaskId(1, batch.topic, batch.partition)
        self._pending.setdefault(task, []).append(batch)
        self._sizes[task] = self._sizes.get(task, 0) + len(batch)
        if self._sizes[task] >= BATCH or sum(self._sizes.values()) >= MOST_PENDING:
            self._play()

    def _play(self) -> None:
        batches = {task: _joined(batches) for task, batches in self._pending.items()}
        self._pending, self._sizes = {}, {}
        self.events += sum(map(len, batches.values()))
        if self._clock is not None:
            self._clock.play(batches)
            return
        for batch in batches.values():
            self._driver.feed(batch)


class Clock:
    """Feeds batches up to each instant at which a silent partition speaks again, with the marks due before it."""

    def __init__(self, driver: Driver, idle_jump_ms: int) -> None:
        self._driver = driver
        self._sources: dict[str, SourceSpec] = {s.topic: s for s in driver.program.plan.sources.values()}
        self._tasks = {
            topic: [TaskId(1, topic, partition) for partition in range(driver.partitions[topic])]
            for topic in self._sources
        }
        self._paces = {topic: Pace(source.max_delay_ms, idle_jump_ms) for topic, source in self._sources.items()}
        self._now = NEVER
        self._start = NEVER
        self._heard: dict[TaskId, int] = {}

    def play(self, batches: Mapping[TaskId, RawBatch]) -> None:
        """The records of all partitions over one stretch of time."""
        if not batches:
            return
        times = {task: self._times(batch) for task, batch in batches.items()}
        if self._start == NEVER:
            self._start = min(int(stamps[0]) for stamps in times.values())
        done = dict.fromkeys(batches, 0)
        for instant in self._resumptions(times):
            for task, batch in batches.items():
                self._feed(task, batch, times[task], done, int(np.searchsorted(times[task], instant)))
            self._mark(instant)
        for task, batch in batches.items():
            self._feed(task, batch, times[task], done, len(batch))
        self._mark(max(int(stamps[-1]) for stamps in times.values()))

    def end(self) -> None:
        """Partitions that never spoke follow those of their source, silent sources those of any."""
        watermarks = self._driver.watermarks()
        heard = [watermarks[task] for task in self._heard if watermarks[task] > NEVER]
        for tasks in self._tasks.values():
            silent = [task for task in tasks if task not in self._heard]
            others = [watermarks[task] for task in tasks if task in self._heard and watermarks[task] > NEVER] or heard
            self._advance(silent, min(others, default=NEVER), watermarks)

    def _times(self, batch: RawBatch) -> Times:
        """The clock at each record: it never goes back, and a record without a timestamp does not move it."""
        stamps = np.array(batch.timestamps, np.int64)
        return np.maximum.accumulate(np.maximum(stamps, self._now))

    def _resumptions(self, times: Mapping[TaskId, Times]) -> list[int]:
        """Instants at which a partition speaks after more than its `idle_after`."""
        found: set[int] = set()
        for task, stamps in times.items():
            before = np.concatenate(([self._heard.get(task, self._start)], stamps[:-1]))
            found.update(stamps[stamps - before > self._sources[task.topic].idle_after_ms].tolist())
        return sorted(found)

    def _feed(self, task: TaskId, batch: RawBatch, stamps: Times, done: dict[TaskId, int], to: int) -> None:
        start = done[task]
        if to <= start:
            return
        self._driver.feed(batch if to - start == len(batch) else _cut(batch, start, to))
        done[task] = to
        self._heard[task] = int(stamps[to - 1])

    def _mark(self, now: int) -> None:
        """Let the idle go on as far as the clock `now` and the live ones allow."""
        self._now = max(self._now, now)
        watermarks = self._driver.watermarks()
        for topic, tasks in self._tasks.items():
            idle_after_ms = self._sources[topic].idle_after_ms
            idle = [task for task in tasks if self._now - self._heard.get(task, self._start) > idle_after_ms]
            silent = set(idle)
            standings = [Standing(watermarks[task], task in silent) for task in tasks]
            target = self._paces[topic].target(standings, self._now)
            if target is not None:
                self._advance(idle, target, watermarks)

    def _advance(self, tasks: Iterable[TaskId], watermark_ms: int, watermarks: Mapping[TaskId, int]) -> None:
        for task in tasks:
            if watermarks[task] < watermark_ms:
                self._driver.mark(Mark(task, -1, watermark_ms))


def _joined(batches: list[RawBatch]) -> RawBatch:
    """Consecutive batches of one partition as one."""
    first = batches[0]
    if len(batches) == 1:
        return first
    keys = None if first.keys is None else list(chain.from_iterable(batch.keys or () for batch in batches))
    return RawBatch(
        first.topic,
        first.partition,
        list(chain.from_iterable(batch.payloads for batch in batches)),
        list(chain.from_iterable(batch.offsets for batch in batches)),
        list(chain.from_iterable(batch.timestamps for batch in batches)),
        keys,
    )


def _cut(batch: RawBatch, start: int, to: int) -> RawBatch:
    rows = slice(start, to)
    keys = None if batch.keys is None else batch.keys[rows]
    return RawBatch(
        batch.topic, batch.partition, batch.payloads[rows], batch.offsets[rows], batch.timestamps[rows], keys
    )
