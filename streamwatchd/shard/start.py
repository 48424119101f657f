"""The way into the loop: lock, fence, ask Kafka what is committed, bring the state there."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple

from streamwatchd.errors import StateMismatch, Unavailable
from streamwatchd.failpoints import failpoint
from streamwatchd.ports.clock import Clock
from streamwatchd.ports.disk import Disk, Lock
from streamwatchd.ports.kafka import Committed, Kafka, Partition, Reader
from streamwatchd.settings import Settings
from streamwatchd.shard.background import Background, Thread
from streamwatchd.shard.control import Link
from streamwatchd.shard.epoch import Committer, PlainCommitter, TransactionalCommitter
from streamwatchd.shard.fitting import largest_record
from streamwatchd.shard.meter import Meter
from streamwatchd.shard.owner import Owner, mover_id
from streamwatchd.shard.rebuild import Anew, Rebuild, Sources
from streamwatchd.shard.recovery import MakeShard, State, check_positions
from streamwatchd.shard.shared import Mirror, SharedStore
from streamwatchd.shard.stamp import Positions, committed_epoch, stamps
from streamwatchd.shard.tenure import newest_stamps
from streamwatchd.shard.version import Version

_TENURE = "tenure"
"""A file of the state folder: under which tenure the local journal was written."""


@dataclass(frozen=True, slots=True)
class Assignment:
    """Which shard of how many this is, the topics' partition counts, and the versions so far, oldest first.

    `held`: after recovery wait for `Go`, as a change may be decided before any record is taken. `losses`: how many
    workers of this shard have died in a row, soon after their start. `generation` numbers the layouts (how many shards
    there are) that this application has had. `closing`: bring the shard to the newest version, commit the last epoch
    of its layout, and leave. `gone`: records below these offsets are given up, and a replay does without them; `anew`:
    so are epochs of which the journal is lost, and what the state had of them. `tenure` names the decision to work on
    this shard here (see `shard.tenure`); `begun`: a worker of it was at work before.
    """

    shard: int
    shards: int
    partitions: Mapping[str, int]
    versions: tuple[Version, ...]
    held: bool = False
    losses: int = 0
    generation: int = 0
    closing: bool = False
    gone: Mapping[Partition, int] = field(default_factory=dict)
    anew: Mapping[Owner, Anew] = field(default_factory=dict)
    tenure: str = ""
    begun: bool = False


def no_stores(url: str) -> SharedStore:
    raise Unavailable(f"no store can be opened at {url}")


@dataclass(frozen=True, slots=True)
class Ports:
    """`shared` is None where no shared snapshot store is set. `stores` opens the files of a savepoint by address."""

    kafka: Kafka
    disk: Disk
    clock: Clock
    link: Link
    background: Callable[[str], Background] = Thread
    shared: SharedStore | None = None
    stores: Callable[[str], SharedStore] = no_stores


class Started(NamedTuple):
    """`fresh`: some task begins here, and its start is worth an epoch. `snapshot_epoch`: of the newest snapshot."""

    state: State
    reader: Reader
    committer: Committer
    fresh: bool
    snapshot_epoch: int


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
        self._meter = meter
        self._owner = owner_of(settings, assignment)
        self._folder = self._owner.folder(settings.state_dir)
        sources = Sources(
            settings, assignment.partitions, assignment.versions, ports.kafka, ports.disk, ports.shared,
            ports.link.content, make_shard, meter, self._breathe, assignment.gone, assignment.anew,
        )  # fmt: skip
        self._rebuild = Rebuild(sources, self._owner)
        self.journal, self.snapshots = self._rebuild.journal, self._rebuild.snapshots
        self.tasks = self._rebuild.tasks
        self._topic = self._rebuild.topic
        shared = self._rebuild.shared
        self.mirror = Mirror(self.snapshots, shared) if shared is not None else None
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
            self._sweep()
        failpoint("recovery.locked")
        committer = self._committer()
        failpoint("recovery.fenced")
        self._open.append(committer)
        reader = self._ports.kafka.reader(read_committed=True)
        self._open.append(reader)
        committed = self._committed_in_force()
        epoch = committed_epoch(committed, self._owner)
        committer.claim(committed, begun=self._assignment.begun)
        failpoint("recovery.claimed")
        self._distrust(committed)
        if committed:
            self._check_not_ahead(epoch)
        state = self._rebuild.state(epoch, reader)
        failpoint("recovery.replayed")
        check_positions(state, committed)
        self._cut_journal(epoch)
        oldest = self.snapshots.oldest()
        self._meter.oldest_version = oldest.versions[0].number if oldest else None
        fresh = self.find_starts(state)
        return Started(state, reader, committer, fresh, max(self.snapshots.epochs(), default=0))

    def _sweep(self) -> None:
        """Of a worker that was killed while it wrote."""
        try:
            self._ports.disk.sweep(self._folder)
        except Unavailable as error:
            self._meter.note(str(error))

    def _distrust(self, committed: Positions) -> None:
        """Where another host was at work since, its epochs have the numbers of those that we wrote down last and never
        committed. What a snapshot of ours is behind was committed; the rest is read from the topic."""
        if not self._assignment.tenure:
            return
        path = self._folder / _TENURE
        tenures = {stamp.tenure for stamp in newest_stamps(committed, self._owner).values()} - {""}
        if tenures and tenures != {(self._ports.disk.read(path) or b"").decode(errors="replace")}:
            self._cut_journal(max(self.snapshots.epochs(), default=0))
        try:
            self._ports.disk.write(path, self._assignment.tenure.encode())
        except Unavailable as error:
            self._meter.note(f"{path} not written, the next start reads the journal topic: {error}")

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
        settings, kafka, clock, note = self._settings, self._ports.kafka, self._ports.clock, self._meter.commit_tried
        owner, most = self._owner, largest_record(settings.kafka)
        if settings.delivery == "at_least_once":
            return PlainCommitter(kafka, settings.app, settings.topics, self._topic, owner.shard, clock, note, most)
        writer = kafka.writer(owner.transactional_id)
        return TransactionalCommitter(
            kafka, writer, owner, settings.topics, self._topic, clock, note, most, self._meter.add,
            self._assignment.tenure,
        )  # fmt: skip

    def _committed_in_force(self) -> Mapping[Partition, Committed | None]:
        """A shard that was closed for a move which did not come about is opened again; the mover is fenced before, so
        that the move can't come about any more."""
        committed = self._committed()
        if not self._assignment.closing and any(stamp.closed for stamp in stamps(committed).values()):
            if self._settings.delivery == "exactly_once":
                self._ports.kafka.writer(mover_id(self._settings.app)).close()
            committed = self._committed()
        return committed

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

    def _breathe(self) -> None:
        if self._meter.due(0.5):
            self._ports.link.report(self._meter.report())

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
