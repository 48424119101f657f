"""Playing recorded traffic to a driver: batches of a good size, and the marks that record timestamps say.

Record timestamps are the clock. A partition without a record for `idle_after` of it is idle, and its watermark goes on
as the daemon's would (`shard.idle.Pace`) until its next record. That instant is found exactly, so the answers do not
depend on how the recording is cut. A recording has an order within a partition only, so records wait in a window and
are taken over all partitions by their timestamps. Where it holds the daemon's own marks, those are played instead.

A timestamp that most of the next records of its partition are far behind of was written by another clock. It counts
for nothing: it would let the partition look idle until there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, TypeVar

import numpy as np

from streamwatchd.batch import Integers, RawBatch, Times
from streamwatchd.operators.stage_spec import SourceSpec
from streamwatchd.recording import RecordedMark
from streamwatchd.shard.idle import Pace, Standing
from streamwatchd.shard.output import Mark, TaskId
from streamwatchd.shard.task import NEVER
from streamwatchd.testing.driver import Driver

WINDOW = 131_072
"""Records that are read between two releases: partitions may be half as far apart in the file, since a recording gives
up to the other half, a row group, partition after partition."""

_NEXT = np.array([1, 2, 4, 8, *range(16, 1024, 16)])
"""The records after one by which its timestamp is judged: twice as many as a producer with a wrong clock may write in
one go."""
_AT_ONCE = 4_096
T = TypeVar("T")


class Playback:
    """Feed it what a recording gives, then `end()`. `unknown` counts records of topics that no source reads.

    `first_ms` is the earliest timestamp with which a partition begins; None: none has one yet.
    """

    def __init__(
        self,
        driver: Driver,
        *,
        idle_jump_ms: int = 3_600_000,
        derive_marks: bool = True,
        expected: Iterable[TaskId] = (),
        window: int = WINDOW,
    ) -> None:
        """Without `derive_marks` watermarks follow the records and the recorded marks alone.

        Partitions in `expected` are known to have records, so they are waited for and not idle before their first.
        """
        self._driver = driver
        self._topics = {source.topic for source in driver.program.plan.sources.values()}
        self._pending: dict[TaskId, list[RawBatch]] = {}
        self._fresh = 0
        self._window = window
        self._clock = Clock(driver, idle_jump_ms, expected) if derive_marks else None
        self.events = 0
        self.unknown: dict[str, int] = {}
        self.first_ms: int | None = None
        self._begun: set[TaskId] = set()

    def add(self, item: RawBatch | RecordedMark) -> None:
        """The next item of the recording."""
        match item:
            case RawBatch():
                self._add_batch(item)
            case RecordedMark(stage, topic, partition, offset, watermark_ms):
                self._clock = None
                self._release()
                if topic in self._topics:
                    self._driver.mark(Mark(TaskId(stage, topic, partition), offset, watermark_ms))

    def end(self) -> None:
        """The recording is over: partitions that never spoke follow the others, what is open stays open."""
        self._release()
        if self._clock is not None:
            self._clock.finish()

    def _add_batch(self, batch: RawBatch) -> None:
        if batch.topic not in self._topics:
            self.unknown[batch.topic] = self.unknown.get(batch.topic, 0) + len(batch)
            return
        task = TaskId(1, batch.topic, batch.partition)
        if task not in self._begun:
            self._begin(task, batch)
        self._pending.setdefault(task, []).append(batch)
        self.events += len(batch)
        self._fresh += len(batch)
        if self._fresh >= self._window:
            self._release()

    def _begin(self, task: TaskId, batch: RawBatch) -> None:
        stamp = next((stamp for stamp in batch.timestamps if stamp >= 0), None)
        if stamp is not None:
            self._begun.add(task)
            self.first_ms = stamp if self.first_ms is None else min(stamp, self.first_ms)

    def _release(self) -> None:
        batches = {task: joined(batches) for task, batches in self._pending.items()}
        self._pending, self._fresh = {}, 0
        if self._clock is not None:
            self._clock.take(batches)
            return
        for batch in batches.values():
            self._driver.feed(batch)


@dataclass(slots=True)
class _Line:
    """Records of one partition that wait, with the clock at each; those before `at` have been fed.

    `behind` is by how much their stamps, `NEVER` where there is none to trust, were behind the clock when they were
    read. `settled` records had all of the window after theirs to be judged by.
    """

    batch: RawBatch
    stamps: Times
    times: Times
    behind: Times
    settled: int = 0
    at: int = 0


class Clock:
    """Feeds records by their timestamps, with the marks due before each instant at which an idle partition speaks."""

    def __init__(self, driver: Driver, idle_jump_ms: int, expected: Iterable[TaskId] = ()) -> None:
        self._driver = driver
        self._latest = driver.now_ms + driver.shards[0].max_future_ms
        self._sources: dict[str, SourceSpec] = {s.topic: s for s in driver.program.plan.sources.values()}
        self._tasks = {
            topic: [TaskId(1, topic, partition) for partition in range(driver.partitions[topic])]
            for topic in self._sources
        }
        self._paces = {topic: Pace(source.max_delay_ms, idle_jump_ms) for topic, source in self._sources.items()}
        self._expected = set(expected)
        self._lines: dict[TaskId, _Line] = {}
        self._heard: dict[TaskId, int] = {}
        self._trailing: set[TaskId] = set()
        self._start, self._now = NEVER, NEVER

    def take(self, batches: Mapping[TaskId, RawBatch]) -> None:
        """Newer records; those up to the newest timestamp of the call before are fed."""
        for line in self._lines.values():
            line.settled = len(line.batch)
        for task, batch in batches.items():
            self._append(task, batch)
        settled = [int(line.times[line.settled - 1]) for line in self._lines.values() if line.settled]
        if (horizon := max(settled, default=NEVER)) > NEVER:
            self.play_to(horizon)

    def finish(self) -> None:
        """Feed what waits; partitions that never spoke follow those of their source, silent sources those of any."""
        self.play_to(max((int(line.times[-1]) for line in self._lines.values()), default=NEVER))
        self._trailing = set()
        self._mark(self._now)
        watermarks = self._driver.watermarks()
        heard = [watermarks[task] for task in self._heard if watermarks[task] > NEVER]
        for tasks in self._tasks.values():
            silent = [task for task in tasks if task not in self._heard]
            others = [watermarks[task] for task in tasks if task in self._heard and watermarks[task] > NEVER] or heard
            self._advance(silent, min(others, default=NEVER), watermarks)

    def _append(self, task: TaskId, batch: RawBatch) -> None:
        """A stamp that is missing, beyond `--now` or ahead of most of the next ones does not move the clock, and the
        clock never goes back."""
        stamps = np.array(batch.timestamps, np.int64)
        stamps[(stamps < 0) | (stamps > self._latest)] = NEVER
        line, settled = self._lines.get(task), 0
        if line is not None and line.at < len(line.batch):
            batch = joined([cut(line.batch, line.at, len(line.batch)), batch])
            stamps = np.concatenate((line.stamps[line.at :], stamps))
            settled = line.settled - line.at
        good = trusted(stamps, self._sources[task.topic].idle_after_ms)
        newest = np.maximum.accumulate(good)
        times = np.maximum(newest, self._now)
        behind = np.where(good > NEVER, times - newest, 0)
        if self._start == NEVER and (times > NEVER).any():
            self._start = int(times[times > NEVER][0])
        self._lines[task] = _Line(batch, stamps, times, behind, settled)

    def play_to(self, to: int) -> None:
        """Feed all records up to the instant `to`, which the clock then shows."""
        for instant in self._turns(to):
            self._feed(instant, "left")
            self._mark(instant)
        self._feed(to, "right")
        self._mark(to)

    def _turns(self, to: int) -> list[int]:
        """Instants up to `to` at which a partition falls silent or speaks again."""
        found: set[int] = set()
        for topic, tasks in self._tasks.items():
            idle_after_ms = self._sources[topic].idle_after_ms
            for task in tasks:
                heard = self._hearings(task, to)
                before, after = heard[:-1], heard[1:]
                silent = (after - before > idle_after_ms) & (before > NEVER)
                found.update((before[silent] + idle_after_ms + 1).tolist())
                found.update(after[silent].tolist())
        return sorted(instant for instant in found if self._now < instant <= to)

    def _hearings(self, task: TaskId, to: int) -> Times:
        """When it was last heard, when it is heard up to `to`, and `to`."""
        line = self._lines.get(task)
        times = np.empty(0, np.int64)
        if line is not None:
            times = line.times[line.at : int(np.searchsorted(line.times, to, "right"))]
        first = self._last_heard(task, to)
        known = np.array([] if first is None else [first], np.int64)
        return np.concatenate((known, times, np.array([to], np.int64)))

    def _last_heard(self, task: TaskId, now: int) -> int | None:
        """None for a partition that is still waited for."""
        return self._heard.get(task, None if task in self._expected else min(self._start, now))

    def _feed(self, to: int, side: Literal["left", "right"]) -> None:
        for task, line in self._lines.items():
            end = int(np.searchsorted(line.times, to, side))
            if end > line.at:
                whole = line.at == 0 and end == len(line.batch)
                self._driver.feed(line.batch if whole else cut(line.batch, line.at, end))
                self._heard[task] = int(line.times[end - 1])
                line.at = end
                if line.behind[end - 1] > self._sources[task.topic].idle_after_ms:
                    self._trailing.add(task)
                else:
                    self._trailing.discard(task)

    def _mark(self, now: int) -> None:
        """Let the idle go on as far as the clock `now` and the live ones allow."""
        self._now = max(self._now, now)
        watermarks = self._driver.watermarks()
        for topic, tasks in self._tasks.items():
            idle = [task for task in tasks if self._is_idle(task)]
            silent = set(idle)
            standings = [Standing(watermarks[task], task in silent) for task in tasks]
            target = self._paces[topic].target(standings, self._now, self._now)
            if target is not None:
                self._advance(idle, target, watermarks)

    def _is_idle(self, task: TaskId) -> bool:
        """One that is read further behind than the window reaches has more to say: it is waited for."""
        if task in self._trailing:
            return False
        heard = self._last_heard(task, self._now)
        if heard is None or heard == NEVER:  # no stamp was there to say when
            return False
        return self._now - heard > self._sources[task.topic].idle_after_ms

    def hush(self, topic: str) -> None:
        """From now on the partitions of a topic are idle, until their next records."""
        silent_since = self._now - self._sources[topic].idle_after_ms - 1
        self._heard.update(dict.fromkeys(self._tasks[topic], silent_since))
        self._mark(self._now)

    def use(self, driver: Driver) -> None:
        """Go on with another driver, whose state is that of the one before."""
        self._driver = driver

    def _advance(self, tasks: Iterable[TaskId], watermark_ms: int, watermarks: Mapping[TaskId, int]) -> None:
        for task in tasks:
            if watermarks[task] < watermark_ms:
                self._driver.mark(Mark(task, -1, watermark_ms))


def trusted(stamps: Times, most_ms: int) -> Times:
    """NEVER in place of those that most of the next records are behind of by more than `most_ms`: another clock wrote
    them. Where few are behind, it is these that are old."""
    suspects = np.flatnonzero((stamps > NEVER) & (stamps - _least_of_next(stamps) > most_ms))
    found = stamps.copy()
    for start in range(0, len(suspects), _AT_ONCE):
        rows = suspects[start : start + _AT_ONCE]
        places = rows[:, np.newaxis] + _NEXT
        later = stamps[np.minimum(places, len(stamps) - 1)]
        known = (places < len(stamps)) & (later > NEVER)
        behind = known & (later < stamps[rows, np.newaxis] - most_ms)
        found[rows[2 * behind.sum(axis=1) > known.sum(axis=1)]] = NEVER
    return found


def _least_of_next(stamps: Times) -> Times:
    """Of each and of those after it that are looked at the least that is a stamp; a large number where none is."""
    least = np.where(stamps == NEVER, np.iinfo(np.int64).max, stamps)
    reach = 1
    while reach <= _NEXT[-1]:
        least[:-reach] = np.minimum(least[:-reach], least[reach:])
        reach *= 2
    return least


def joined(batches: list[RawBatch]) -> RawBatch:
    """Consecutive batches of one partition as one."""
    first = batches[0]
    if len(batches) == 1:
        return first
    return RawBatch(
        first.topic,
        first.partition,
        _chained(batch.payloads for batch in batches),
        _all([batch.offsets for batch in batches]),
        _all([batch.timestamps for batch in batches]),
        None if first.keys is None else _chained(batch.keys or () for batch in batches),
    )


def _all(parts: Sequence[Sequence[int]]) -> Sequence[int]:
    arrays = [part.values for part in parts if isinstance(part, Integers)]
    return Integers(np.concatenate(arrays)) if len(arrays) == len(parts) else _chained(parts)


def _chained(parts: Iterable[Sequence[T]]) -> list[T]:
    """A list takes in another one as a whole, not item by item."""
    found: list[T] = []
    for part in parts:
        found += part
    return found


def cut(batch: RawBatch, start: int, to: int) -> RawBatch:
    """Rows [start, to)."""
    rows = slice(start, to)
    keys = None if batch.keys is None else batch.keys[rows]
    return RawBatch(
        batch.topic, batch.partition, batch.payloads[rows], batch.offsets[rows], batch.timestamps[rows], keys
    )
