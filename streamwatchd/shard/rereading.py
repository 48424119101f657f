"""Reads records once more, lane by lane, to where the tasks stand."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from streamwatchd.batch import RawBatch
from streamwatchd.ports.kafka import Partition, Reader, Taken, split
from streamwatchd.shard.output import TaskId
from streamwatchd.shard.stretch import Filled, PastLike, Stretch

_NEVER_WHOLE = 2**62


@dataclass(slots=True)
class Lane:
    """One partition on its way. `from_ms` None: the first record's own timestamp will say it."""

    partition: Partition
    past: PastLike
    start: int
    from_ms: int | None
    next: int
    waiting: deque[RawBatch] = field(default_factory=deque)

    def feed(self, end: int) -> int:
        """What is there of the records below `end`; gives how many they are."""
        fed = 0
        while self.waiting:
            part, rest = split(self.waiting.popleft(), end)
            if len(part):
                self.past.step(part)
                self.next = part.offsets[-1] + 1
                fed += len(part)
            if len(rest):
                self.waiting.appendleft(rest)
                self.next = max(self.next, end)
                break
        return fed


class Rereading:
    """Reads lanes to where their tasks stand. Every step may raise Unavailable or, where the records are gone,
    StateMismatch."""

    def __init__(self, reader: Reader, lanes: Mapping[TaskId, Lane], max_future_ms: int) -> None:
        self._reader = reader
        self._lanes = dict(lanes)
        self._max_future_ms = max_future_ms
        self._of = {lane.partition: lane for lane in lanes.values()}
        self._paused: set[Partition] = set()
        self.records = 0
        reader.assign({lane.partition: lane.start for lane in lanes.values()})

    def left(self, ends: Mapping[TaskId, int]) -> int:
        """About how many records are still to be read, to these offsets."""
        return sum(max(0, ends.get(task, 0) - lane.next) for task, lane in self._lanes.items())

    def step(self, ends: Mapping[TaskId, int], most: int, patience_s: float) -> None:
        """Take in some more, up to these offsets."""
        open_ends = {task: end for task, end in ends.items() if task in self._lanes}
        self._feed(open_ends)
        behind = {lane.partition for task, lane in self._lanes.items() if lane.next < open_ends[task]}
        self._choose(behind)
        if behind:
            self._note(self._reader.take(most, patience_s), open_ends)

    def _choose(self, behind: set[Partition]) -> None:
        hold = (self._of.keys() - behind) - self._paused
        if hold:
            self._reader.pause(hold)
        if behind & self._paused:
            self._reader.resume(behind & self._paused)
        self._paused = (self._paused | hold) - behind

    def _note(self, taken: Taken, ends: Mapping[TaskId, int]) -> None:
        for batch in taken.batches:
            lane = self._of[Partition(batch.topic, batch.partition)]
            if lane.from_ms is None:
                lane.from_ms = self._first(batch)
            lane.waiting.append(batch)
        self._feed(ends)
        if taken.at_end:
            positions = self._reader.positions()
            for partition in taken.at_end & self._of.keys():
                lane = self._of[partition]
                if not lane.waiting:
                    lane.next = max(lane.next, positions[partition])

    def _first(self, batch: RawBatch) -> int:
        """What came before the first record that is there had no later time than this one's timestamp allows."""
        stamp = batch.timestamps[0]
        return stamp + self._max_future_ms if stamp > 0 else _NEVER_WHOLE

    def _feed(self, ends: Mapping[TaskId, int]) -> None:
        self.records += sum(lane.feed(ends[task]) for task, lane in self._lanes.items())

    def finish(self, ends: Mapping[TaskId, int], breathe: Callable[[], None]) -> None:
        while self.left(ends) > 0:
            breathe()
            self.step(ends, 20_000, 0.5)

    def filled(self) -> Filled:
        """For `State.switch`; without lanes of which nothing can be promised."""
        return {
            task: (lane.past, from_ms)
            for task, lane in self._lanes.items()
            if (from_ms := lane.from_ms) is not None and from_ms < _NEVER_WHOLE
        }

    def stretches(self, ends: Mapping[TaskId, int]) -> tuple[Stretch, ...]:
        return tuple(
            Stretch(task, self._lanes[task].start, ends[task], from_ms, past.tables_ms)
            for task, (past, from_ms) in self.filled().items()
        )

    def renew(self, pasts: Mapping[TaskId, PastLike]) -> bool:
        """Whether what is being read serves these too: then it does."""
        if pasts.keys() != self._lanes.keys():
            return False
        answers = [self._lanes[task].past.renew(past) for task, past in pasts.items()]
        return all(answers)

    def close(self) -> None:
        self._reader.close()


def reread(
    reader: Reader, stretches: Sequence[Stretch], pasts: Mapping[TaskId, PastLike],
    tasks: Mapping[TaskId, Partition], max_future_ms: int, breathe: Callable[[], None],
) -> Filled:  # fmt: skip
    """What a journalled change read, once more. Raises StateMismatch where that is gone, Unavailable."""
    lanes = {
        each.task: Lane(tasks[each.task], pasts[each.task], each.start, each.from_ms, each.start)
        for each in stretches
        if each.task in pasts
    }
    if not lanes:
        return {}
    rereading = Rereading(reader, lanes, max_future_ms)
    rereading.finish({each.task: each.end for each in stretches}, breathe)
    return rereading.filled()
