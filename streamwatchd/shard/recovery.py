"""From committed offsets, a snapshot and the journal back to the state at the last committed epoch.

Snapshots and the local log are caches: what Kafka committed decides. A missing or spoilt snapshot costs a longer
replay; positions that do not fit are refused with a reason, never reset.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import TYPE_CHECKING, Protocol

from streamwatchd.batch import RawBatch
from streamwatchd.errors import SnapshotCorrupt, StateMismatch
from streamwatchd.operators.asking import FOREVER, grace_ends
from streamwatchd.ports.kafka import Committed, Partition, Reader, split
from streamwatchd.ports.laps import Laps
from streamwatchd.ports.telemetry import Labels
from streamwatchd.shard.journal import EpochRecord
from streamwatchd.shard.output import TABLES, ExchangeRecord, Letters, Mark, Output, TaskId
from streamwatchd.shard.rereading import reread
from streamwatchd.shard.snapshot import Snapshot, SnapshotStore
from streamwatchd.shard.stretch import Filled, PastLike, Stretch
from streamwatchd.shard.task import Picture
from streamwatchd.shard.version import BEGINNING, Content, Contents, Version

if TYPE_CHECKING:
    from streamwatchd.enrichment.table import TableData
    from streamwatchd.plan.program import Program


class ShardLike(Protocol):
    """The part of `Shard` that the loop uses; simulations put a small one in its place."""

    def step(self, raw: RawBatch, now_ms: int) -> None: ...
    def merge(self, stage: int, partition: int, payloads: list[bytes]) -> None: ...
    def mark(self, mark: Mark) -> None: ...
    def take_letters(self) -> list[Letters]: ...
    def drain(self) -> tuple[list[Output], list[ExchangeRecord]]: ...
    def pasts(
        self,
        at_ms: int,
        program: Program,
        tables: Mapping[str, TableData],
        tables_ms: Mapping[TaskId, int] = MappingProxyType({}),
    ) -> Mapping[TaskId, PastLike]: ...
    def switch(
        self,
        at_ms: int,
        program: Program,
        tables: Mapping[str, TableData],
        tasks: Iterable[TaskId] = (),
        pasts: Filled = MappingProxyType({}),
    ) -> None: ...
    def forget_rows(self, before_ms: int) -> None: ...
    def max_event_time(self) -> int: ...
    def watermarks(self) -> dict[TaskId, int]: ...
    def snapshot(self) -> dict[TaskId, Picture]: ...
    def restore(self, states: Mapping[TaskId, Picture]) -> None: ...
    def counters(self) -> dict[tuple[str, Labels], int]: ...
    def state_bytes(self, states: Mapping[TaskId, Picture]) -> dict[Labels, int]: ...
    def take_times(self) -> list[int]: ...
    def work(self) -> Iterable[tuple[str, Labels, float]]: ...

    @property
    def laps(self) -> Laps: ...


MakeShard = Callable[[Content, Iterable[TaskId]], ShardLike]
Tasks = Callable[[Content], dict[TaskId, Partition]]


@dataclass(slots=True)
class State:
    """A shard at an epoch boundary. `versions` are those in play, oldest first; `positions` the next offsets."""

    shard: ShardLike
    epoch: int
    versions: tuple[Version, ...]
    content: Content
    tasks: dict[TaskId, Partition]
    positions: dict[TaskId, int]

    @property
    def version(self) -> Version:
        return self.versions[-1]

    def settle(self) -> None:
        """Forget older versions once every task has passed the end of their grace."""
        if len(self.versions) > 1:
            least = min(self.shard.watermarks().values(), default=BEGINNING)
            while len(self.versions) > 1 and least > grace_ends([version.at_ms for version in self.versions]):
                self.versions = self.versions[1:]

    def switch(
        self,
        version: Version,
        content: Content,
        tasks: dict[TaskId, Partition],
        pasts: Filled = MappingProxyType({}),
    ) -> None:
        """Put a new version in force. Tasks of a new stage begin; those of a stage that is gone end what they do, and
        are left out at the next start. `pasts` fill what begins."""
        self.tasks = self.tasks | tasks
        self.shard.switch(version.at_ms, content.program, content.tables, self.tasks, pasts)
        self.versions = (*self.versions, version)
        self.content = content


def begin(version: Version, content: Content, tasks: dict[TaskId, Partition], make: MakeShard) -> State:
    """A shard that has seen nothing."""
    return State(make(content, tasks), 0, (version,), content, tasks, {})


def restore(snapshot: Snapshot, contents: Contents, tasks_of: Tasks, make: MakeShard) -> State:
    """A shard as the snapshot has it; raises SnapshotCorrupt."""
    first, *later = snapshot.versions
    content = contents(first.digest)
    tasks = tasks_of(content)
    shard = make(content, tasks)
    for version in later:
        content = contents(version.digest)
        tasks = tasks | tasks_of(content)
        shard.forget_rows(version.at_ms)  # the snapshot has those that were kept
        shard.switch(version.at_ms, content.program, content.tables, tasks)
    shard.restore({task: state for task, state in snapshot.states.items() if task in tasks or task == TABLES})
    shard.drain()
    positions = {task: offset for task, offset in snapshot.positions.items() if task in tasks}
    return State(shard, snapshot.epoch, snapshot.versions, content, tasks, positions)


def stretches(records: Sequence[EpochRecord]) -> Iterator[list[EpochRecord]]:
    """Runs of epochs without a switch inside: a switch can only be the first act of a run."""
    run: list[EpochRecord] = []
    for record in records:
        if record.switches and run:
            yield run
            run = []
        run.append(record)
    if run:
        yield run


class Replay:
    """Feeds journalled epochs again, muted."""

    def __init__(
        self,
        state: State,
        reader: Reader,
        contents: Contents,
        tasks_of: Tasks,
        breathe: Callable[[], None] = lambda: None,
        gone: Mapping[Partition, int] = {},
        max_future_ms: int = 0,
        *,
        lacking: bool = False,
        fills: bool = True,
    ) -> None:
        """`breathe` is called now and then: a replay may be long. Records of a partition below its offset in `gone`
        are left out, as an operator has given them up. `lacking`: these, or what came before the first epoch.
        `fills`: windows will be filled after it; else what rows were is kept for those that the journal fills."""
        self._state = state
        self._reader = reader
        self._contents = contents
        self._tasks_of = tasks_of
        self._breathe = breathe
        self._gone = gone
        self._max_future_ms = max_future_ms
        self._lacking = lacking
        self._fills_up_to = FOREVER if fills else 0
        """The last epoch after which a window may be filled."""

    def run(self, records: Sequence[EpochRecord]) -> None:
        """Raises StateMismatch where the inputs are not there any more, Unavailable when no broker answers."""
        self._fills_up_to = max((self._fills_up_to, *(each.epoch for each in records if each.pasts)))
        if self._lacking and records:
            self._run([records[0]])
            self._catch_up(records[0])
            records = records[1:]
        self._run(records)
        if self._lacking and records:
            self._catch_up(records[-1])

    def _run(self, records: Sequence[EpochRecord]) -> None:
        for run in stretches(records):
            for version in run[0].switches:
                content = self._contents(version.digest)
                pasts = self._pasts(version, content, run[0].pasts)
                if run[0].epoch >= self._fills_up_to:
                    self._state.shard.forget_rows(version.at_ms)
                self._state.switch(version, content, self._tasks_of(content), pasts)
            self._feed(run)
            for record in run:
                self._advance(record)

    def _catch_up(self, last: EpochRecord) -> None:
        """Without what was given up no task stands behind where it stood: what was late would come in time once more,
        and windows that were judged would be judged again. A merge task may not even have been told where time began.
        """
        watermarks_ms = self._state.shard.watermarks()
        for task, at_ms in sorted(last.watermarks_ms.items()):
            mine_ms = watermarks_ms.get(task)
            if mine_ms is not None and at_ms > BEGINNING and (mine_ms < at_ms or task.stage > 1):
                self._state.shard.mark(Mark(task, last.ranges[task].end, at_ms))
        self._state.shard.drain()

    def _pasts(self, version: Version, content: Content, stretches: Sequence[Stretch]) -> Filled:
        """What the change read of the past; without what an operator has given up."""
        if not stretches:
            return {}
        state = self._state
        tables_ms = {each.task: each.tables_ms for each in stretches}
        pasts = state.shard.pasts(version.at_ms, content.program, content.tables, tables_ms)
        left = [
            replace(each, start=max(each.start, self._gone.get(state.tasks[each.task], 0)))
            for each in stretches
            if each.task in state.tasks
        ]
        try:
            return reread(self._reader, left, pasts, state.tasks, self._max_future_ms, self._breathe)
        except StateMismatch as error:
            raise StateMismatch(
                f"version {version.number} of the rules filled its windows from records that are gone now, so the "
                f"state since then can't be rebuilt: {error}; restore a savepoint"
            ) from error

    def _advance(self, record: EpochRecord) -> None:
        if record.version != self._state.version.number:
            raise StateMismatch(
                f"epoch {record.epoch} ran under version {record.version}, "
                f"the replay under {self._state.version.number}"
            )
        if record.content != self._state.content.digest:
            raise StateMismatch(
                f"epoch {record.epoch} ran under rules of content {record.content}, which are kept neither in the "
                "state folder nor in the shared store: check out the rules that ran then, or restore a savepoint"
            )
        self._state.epoch = record.epoch
        self._state.positions |= {task: r.end for task, r in record.ranges.items() if task in self._state.tasks}

    def _feed(self, run: list[EpochRecord]) -> None:
        lanes = {partition: Lane(task, run) for task, partition in self._state.tasks.items()}
        for partition, lane in lanes.items():
            self._check_start(lane)
            lane.leave_out(self._gone.get(partition, 0))
            self._play(lane, lane.acts_without_records())
        waiting = {partition: lane for partition, lane in lanes.items() if not lane.done}
        starts = {partition: max(lane.start or 0, self._gone.get(partition, 0)) for partition, lane in waiting.items()}
        self._reader.assign(starts)
        while waiting:
            self._breathe()
            taken = self._reader.take(20_000, 0.5)
            for batch in taken.batches:
                partition = Partition(batch.topic, batch.partition)
                if partition in waiting:
                    self._play(waiting[partition], waiting[partition].acts(batch))
            for partition in taken.at_end & waiting.keys():
                end = self._reader.positions()[partition]
                self._play(waiting[partition], waiting[partition].acts_at_end(end))
            done = {partition for partition, lane in waiting.items() if lane.done}
            self._reader.pause(done)
            waiting = {partition: lane for partition, lane in waiting.items() if partition not in done}

    def _check_start(self, lane: Lane) -> None:
        known = self._state.positions.get(lane.task)
        if known is not None and lane.start is not None and known != lane.start:
            raise StateMismatch(f"{lane.task} stands at offset {known}, the journal goes on at {lane.start}")

    def _play(self, lane: Lane, acts: Iterable[tuple[RawBatch, int] | Mark]) -> None:
        for act in acts:
            if isinstance(act, Mark):
                self._state.shard.mark(act)
            else:
                feed(self._state.shard, lane.task, *act)
        self._state.shard.drain()


def feed(shard: ShardLike, task: TaskId, batch: RawBatch, now_ms: int) -> None:
    if task.stage == 1:
        shard.step(batch, now_ms)
    else:
        shard.merge(task.stage, task.partition, [payload for payload in batch.payloads if payload is not None])


@dataclass(frozen=True, slots=True)
class _Stretch:
    """Records below `end`, judged by the clock `now_ms`."""

    end: int
    now_ms: int


class Lane:
    """What one task took in over a run of epochs, in order: stretches of records, and marks between them."""

    def __init__(self, task: TaskId, run: Sequence[EpochRecord]) -> None:
        self.task = task
        ranges = [(record, record.ranges[task]) for record in run if task in record.ranges]
        self.start: int | None = ranges[0][1].start if ranges else None
        self._script: deque[_Stretch | Mark] = deque()
        for record, its_range in ranges:
            at = its_range.start
            for mark in record.marks:
                if mark.task == task:
                    at = self._write(at, mark.offset, record.now_ms)
                    self._script.append(mark)
            self._write(at, its_range.end, record.now_ms)

    def _write(self, start: int, end: int, now_ms: int) -> int:
        if end <= start:
            return end
        before = self._script[-1] if self._script else None
        if isinstance(before, _Stretch) and (before.now_ms == now_ms or self.task.stage > 1):
            self._script.pop()  # one larger batch is quicker, and cuts don't matter
        self._script.append(_Stretch(end, now_ms))
        return end

    def leave_out(self, below: int) -> None:
        """Records below an offset will not come."""
        self._script = deque(act for act in self._script if isinstance(act, Mark) or act.end > below)

    @property
    def done(self) -> bool:
        return not self._script

    def acts_without_records(self) -> Iterator[Mark]:
        """The marks that come before the next record."""
        while self._script and isinstance(head := self._script[0], Mark):
            self._script.popleft()
            yield head

    def acts(self, batch: RawBatch) -> Iterator[tuple[RawBatch, int] | Mark]:
        """What the records of `batch` make due; those behind the last stretch are left out."""
        while len(batch) and self._script:
            head = self._script[0]
            if isinstance(head, _Stretch):
                part, batch = split(batch, head.end)
                if len(part):
                    yield part, head.now_ms
                if not len(batch) and (not len(part) or part.offsets[-1] + 1 < head.end):
                    return
                self._script.popleft()
            yield from self.acts_without_records()

    def acts_at_end(self, end: int) -> Iterator[Mark]:
        """What is due as the log ends at `end`: records of a compacted topic may be gone."""
        while self._script and isinstance(head := self._script[0], _Stretch) and head.end <= end:
            self._script.popleft()
            yield from self.acts_without_records()


def newest_state(
    snapshots: SnapshotStore, epoch: int, contents: Contents, tasks_of: Tasks, make: MakeShard,
    say: Callable[[str], None],
) -> State | None:  # fmt: skip
    """The state of the newest snapshot at or below `epoch` that can be restored; None without one."""
    while (snapshot := snapshots.newest(epoch, say)) is not None:
        try:
            return restore(snapshot, contents, tasks_of, make)
        except SnapshotCorrupt as error:
            say(f"snapshot of epoch {snapshot.epoch} can't be restored ({error}); taking an older one")
            snapshots.set_aside(snapshot.epoch)
            epoch = snapshot.epoch - 1
    return None


def check_positions(state: State, committed: Mapping[Partition, Committed | None]) -> None:
    """Raises StateMismatch unless the state stands where the group's committed offsets do."""
    for task, position in state.positions.items():
        partition = state.tasks[task]
        there = committed.get(partition)
        if there is None or there.offset != position:
            raise StateMismatch(
                f"{partition}: the state of epoch {state.epoch} goes on at offset "
                f"{position}, but the group's committed offset is {'gone' if there is None else there.offset}"
            )
