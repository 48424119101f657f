"""The way into the loop: lock, fence, ask Kafka what is committed, bring the state there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from streamwatchd.errors import StateMismatch, Unavailable
from streamwatchd.failpoints import failpoint
from streamwatchd.ports.clock import Clock
from streamwatchd.ports.disk import Disk, Lock
from streamwatchd.ports.kafka import Committed, Kafka, Partition, Reader
from streamwatchd.settings import Settings
from streamwatchd.shard.assignor import assigned
from streamwatchd.shard.background import Background, Thread
from streamwatchd.shard.control import Link
from streamwatchd.shard.epoch import Committer, PlainCommitter, TransactionalCommitter, committed_epoch
from streamwatchd.shard.fitting import largest_record
from streamwatchd.shard.journal import LocalJournal, missing_epochs, replayable
from streamwatchd.shard.meter import Meter
from streamwatchd.shard.output import TaskId
from streamwatchd.shard.owner import Owner
from streamwatchd.shard.recovery import MakeShard, Replay, State, begin, check_positions, newest_state
from streamwatchd.shard.shared import Mirror, SharedStore
from streamwatchd.shard.snapshot import SnapshotStore
from streamwatchd.shard.version import Content, Version


@dataclass(frozen=True, slots=True)
class Assignment:
    """Which shard of how many this is, the topics' partition counts, and the versions so far, oldest first.

    `held`: after recovery wait for `Go`, as a change may be decided before any record is taken. `losses`: how many
    workers of this shard have died in a row, soon after their start. `generation` numbers the layouts (how many shards
    there are) that this application has had.
    """

    shard: int
    shards: int
    partitions: Mapping[str, int]
    versions: tuple[Version, ...]
    held: bool = False
    losses: int = 0
    generation: int = 0


@dataclass(frozen=True, slots=True)
class Ports:
    """`shared` is None where no shared snapshot store is set."""

    kafka: Kafka
    disk: Disk
    clock: Clock
    link: Link
    background: Callable[[str], Background] = Thread
    shared: SharedStore | None = None


class Started(NamedTuple):
    """`fresh`: some task begins here, and its start is worth an epoch. `snapshot_epoch`: of the newest snapshot."""

    state: State
    reader: Reader
    committer: Committer
    fresh: bool
    snapshot_epoch: int


def folder_of(settings: Settings, shard: int) -> Path:
    return settings.state_dir / f"shard-{shard}"


def owner_of(settings: Settings, assignment: Assignment) -> Owner:
    return Owner(settings.app, assignment.generation, assignment.shards, assignment.shard)


class Recovery:
    """Every step may raise Unavailable (try all of it again), Fenced or StateMismatch (leave)."""

    def __init__(
        self, settings: Settings, assignment: Assignment, ports: Ports, make_shard: MakeShard, meter: Meter
    ) -> None:
        self._settings = settings
        self._assignment = assignment
        self._ports = ports
        self._make_shard = make_shard
        self._meter = meter
        self._folder = folder_of(settings, assignment.shard)
        count = assignment.partitions.get(settings.topics.journal, assignment.shards)
        self._topic = Partition(settings.topics.journal, assignment.shard % max(1, count))
        self._owner = owner_of(settings, assignment)
        self.journal = LocalJournal(ports.disk, self._folder, self._owner)
        self.snapshots = SnapshotStore(ports.disk, self._folder, self._owner)
        self._shared = None if ports.shared is None else ports.shared.snapshots(self._owner)
        self.mirror = Mirror(self.snapshots, self._shared) if self._shared is not None else None
        self._lock: Lock | None = None
        self._open: list[Reader | Committer] = []

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Whatever happens inside, the state folder and the clients are let go at the end."""
        try:
            yield
        finally:
            self._close()
            if self._lock is not None:
                self._lock.release()

    def run(self) -> Started:
        self._enter("starting")
        self._close()
        if self._lock is None:
            self._lock = self._ports.disk.lock(self._folder / "lock")
        failpoint("recovery.locked")
        committer = self._committer()
        failpoint("recovery.fenced")
        self._open.append(committer)
        reader = self._ports.kafka.reader(read_committed=True)
        self._open.append(reader)
        committed = self._committed()
        epoch = committed_epoch(committed, self._assignment.shard, self._assignment.shards)
        self._check_not_ahead(epoch)
        state = self._state_at(epoch, reader)
        failpoint("recovery.replayed")
        check_positions(state, committed)
        self._cut_journal(epoch)
        oldest = self.snapshots.oldest()
        self._meter.oldest_version = oldest.versions[0].number if oldest else None
        fresh = self.find_starts(state)
        return Started(state, reader, committer, fresh, max(self.snapshots.epochs(), default=0))

    def _cut_journal(self, epoch: int) -> None:
        try:
            self.journal.cut(epoch)
        except Unavailable as error:
            self._meter.add("journal_gaps_total")
            self._meter.note(f"journal not written, recovery will read the topic instead: {error}")

    def _enter(self, phase: str) -> None:
        self._meter.phase = phase
        self._ports.link.report(self._meter.report())

    def _close(self) -> None:
        while self._open:
            self._open.pop().close()

    def _committer(self) -> Committer:
        """Opening the writer fences an older owner, so it comes before all questions."""
        settings, kafka, clock, note = self._settings, self._ports.kafka, self._ports.clock, self._meter.note
        shard, shards, most = self._assignment.shard, self._assignment.shards, largest_record(settings.kafka)
        if settings.delivery == "at_least_once":
            return PlainCommitter(kafka, settings.app, settings.topics, self._topic, shard, clock, note, most)
        writer = kafka.writer(f"{settings.app}.{shard}")
        return TransactionalCommitter(
            kafka, writer, settings.app, settings.topics, self._topic, (shard, shards), clock, note, most
        )

    def _committed(self) -> Mapping[Partition, Committed | None]:
        """Positions of every partition that any version in play makes ours."""
        partitions: set[Partition] = set()
        for version in self._assignment.versions:
            partitions.update(self.tasks(self._ports.link.content(version.digest)).values())
        admin = self._ports.kafka.admin()
        try:
            return admin.committed(self._settings.app, partitions)
        finally:
            admin.close()

    def _check_not_ahead(self, epoch: int) -> None:
        epochs = self.snapshots.epochs()
        if epochs and epochs[-1] > epoch:
            raise StateMismatch(
                f"the state folder {self._folder} is at epoch {epochs[-1]}, Kafka has committed epoch "
                f"{epoch or 'none'}: the offsets of group {self._settings.app} were deleted or set back, or this is "
                "another cluster; "
                "move the state folder away to start anew from Kafka"
            )

    def _state_at(self, epoch: int, reader: Reader) -> State:
        """The state behind the last committed epoch."""
        contents, make, note = self._ports.link.content, self._make_shard, self._meter.note
        state = newest_state(self.snapshots, epoch, contents, self.tasks, make, self._refused)
        if self._is_poor(state, epoch):
            state = self._shared_state(epoch, state)
        if state is None:
            first = self._assignment.versions[0]
            content = contents(first.digest)
            state = begin(first, content, self.tasks(content), make)
        else:
            failpoint("recovery.restored")
        if state.epoch < epoch:
            self._enter("replaying")
            records = replayable(
                self.journal, self._ports.kafka, self._topic, self._owner, state.epoch, epoch, self._gap
            )
            note(f"replaying epochs {state.epoch + 1} to {epoch}")
            Replay(state, reader, contents, self.tasks, self._breathe).run(records)
        return state

    def _is_poor(self, state: State | None, epoch: int) -> bool:
        """This folder alone does not lead up to the committed epoch: it is new, old, or spoilt."""
        if state is None:
            return epoch > 0
        try:
            return bool(missing_epochs(self.journal.read(state.epoch, epoch), state.epoch, epoch))
        except Unavailable:
            return True

    def _shared_state(self, epoch: int, mine: State | None) -> State | None:
        """The state of the shared store where it is newer. Without the store, the journal topic must do."""
        if self._shared is None:
            return mine
        try:
            newest = max((each for each in self._shared.epochs() if each <= epoch), default=0)
            if mine is not None and newest <= mine.epoch:
                return mine
            contents, make = self._ports.link.content, self._make_shard
            found = newest_state(self._shared, epoch, contents, self.tasks, make, self._refused)
        except Unavailable as error:
            self._meter.add("shared_store_failures_total")
            self._meter.note(f"the shared snapshot store does not answer, replaying from the journal topic: {error}")
            return mine
        if found is None or (mine is not None and found.epoch <= mine.epoch):
            return mine
        self._meter.note(f"state of epoch {found.epoch} taken from the shared snapshot store")
        return found

    def _refused(self, note: str) -> None:
        self._meter.add("snapshots_refused_total")
        self._meter.note(note)

    def _gap(self, note: str) -> None:
        self._meter.add("journal_gaps_total")
        self._meter.note(note)

    def _breathe(self) -> None:
        if self._meter.due(0.5):
            self._ports.link.report(self._meter.report())

    def tasks(self, content: Content) -> dict[TaskId, Partition]:
        """This shard's tasks under `content`."""
        counts = self._assignment.partitions
        sources = {each.topic: counts.get(each.topic, 0) for each in content.inputs}
        settings, shard, shards = self._settings, self._assignment.shard, self._assignment.shards
        return assigned(shard, shards, sources, settings.topics, content.stages, settings.exchange_partitions)

    def find_starts(self, state: State) -> bool:
        """Give tasks without a position their first one; True when there were such."""
        new = {task: each for task, each in state.tasks.items() if task not in state.positions}
        if new:
            latest = self._settings.start_from == "latest"
            at_end = {each for task, each in new.items() if task.stage == 1 and latest}
            admin = self._ports.kafka.admin()
            try:
                offsets = admin.end_offsets(at_end) | admin.beginning_offsets(set(new.values()) - at_end)
            finally:
                admin.close()
            state.positions |= {task: offsets[each] for task, each in new.items()}
        return bool(new)
