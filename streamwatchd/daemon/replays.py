"""What the shards would replay at this start, asked before any worker does: it may have passed retention.

A worker brings its shard from the newest snapshot to the committed epoch. Without a snapshot it begins with what the
layout before had, in the end with the first epoch; so a state folder that was lost needs what its host read long ago,
and the journal of all that time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from streamwatchd.errors import StateMismatch, Unavailable
from streamwatchd.ports.disk import Disk
from streamwatchd.ports.kafka import Kafka, Partition
from streamwatchd.settings import Settings
from streamwatchd.shard.assignor import exchange_topic
from streamwatchd.shard.journal import EpochRecord, LocalJournal, missing_epochs, read_topic, replayable
from streamwatchd.shard.layouts import Move, moves
from streamwatchd.shard.output import TaskId
from streamwatchd.shard.owner import Owner
from streamwatchd.shard.rebuild import Anew, journal_of
from streamwatchd.shard.shared import SharedStore
from streamwatchd.shard.snapshot import SnapshotStore
from streamwatchd.shard.stamp import Positions, stamps


@dataclass(frozen=True, slots=True)
class Gap:
    """A replay would begin at offset `start`, the partition at `first`. `shards`: whose state it is."""

    start: int
    first: int
    shards: frozenset[int]


@dataclass(frozen=True, slots=True)
class Unjournalled:
    """Of the epochs up to `epoch`, which is committed, the journal has not all that the state of an owner is made of.
    It could begin with `anew`, before a record of the time `since_ms`; None where nothing is retained."""

    epoch: int
    anew: Anew
    since_ms: int | None


@dataclass(frozen=True, slots=True)
class Lacks:
    """What is gone of the records, and of the journal."""

    gaps: Mapping[Partition, Gap]
    unjournalled: Mapping[Owner, Unjournalled]


@dataclass(slots=True)
class _Needs:
    """By partition, the first offset that a replay reads, and for which shards."""

    starts: dict[Partition, int] = field(default_factory=dict)
    shards: dict[Partition, set[int]] = field(default_factory=dict)

    def add(self, partition: Partition, start: int, shard: int) -> None:
        self.starts[partition] = min(start, self.starts.get(partition, start))
        self.shards.setdefault(partition, set()).add(shard)

    def add_all(self, other: _Needs) -> None:
        for partition, start in other.starts.items():
            for shard in other.shards[partition]:
                self.add(partition, start, shard)


class Replays:
    """Of the shards that this host has. `shared` is None without a shared snapshot store."""

    def __init__(self, kafka: Kafka, settings: Settings, disk: Disk, shared: SharedStore | None) -> None:
        self._kafka, self._settings, self._disk, self._shared = kafka, settings, disk, shared
        self._counts: Mapping[str, int] = {}
        self._moves: Mapping[int, Move] | None = None
        self._silent: Unavailable | None = None

    def lacks(self, committed: Positions) -> Lacks:
        """What is gone of the records and epochs between the newest snapshots and the committed offsets.

        Reads no journal topic where the state folder leads there by itself. Raises Unavailable, also where a shared
        store that does not answer may have what is gone; StateMismatch for offsets that others wrote.
        """
        self._silent = None
        self._counts = self._partitions_of([self._settings.topics.journal])
        needs, unjournalled = _Needs(), dict[Owner, Unjournalled]()
        for owner, epoch in self._epochs(committed).items():
            mine = _Needs()
            if not self._visit(owner, epoch, owner.shard, mine):
                mine = _Needs()
                unjournalled[owner] = self._begin_anew(owner, epoch, committed, mine)
            needs.add_all(mine)
        found = Lacks(self._gaps(needs), unjournalled)
        if (found.gaps or found.unjournalled) and self._silent is not None:
            raise self._silent
        return found

    def _epochs(self, committed: Positions) -> dict[Owner, int]:
        settings, found = self._settings, dict[Owner, int]()
        for stamp in stamps(committed).values():
            owner = Owner(settings.app, stamp.layout.generation, stamp.layout.shards, stamp.shard)
            if not settings.owns or stamp.shard in settings.owns:
                found[owner] = max(stamp.epoch, found.get(owner, 0))
        return found

    def _visit(self, owner: Owner, epoch: int, shard: int, needs: _Needs) -> bool:
        """`shard`: of the layout in force, whose state needs that of `owner` behind `epoch`. False where the journal
        does not lead there."""
        local = self._local(owner)
        above = self._newest_snapshot(owner, epoch, local)
        if above == 0 and owner.generation and epoch:
            move = self._move_to(owner.generation)
            if move is None or not self._visit_before(move, owner.app, shard, needs):
                return False
            above = move.base
        return above >= epoch or self._add(self._records(owner, above, epoch, local), shard, needs)

    def _visit_before(self, move: Move, app: str, shard: int, needs: _Needs) -> bool:
        """The layout that its own was made of."""
        before = move.before
        owners = {Owner(app, before.generation, before.shards, number): last for number, last in move.epochs.items()}
        return all(self._visit(each, last, shard, needs) for each, last in owners.items())

    def _add(self, records: list[EpochRecord], shard: int, needs: _Needs) -> bool:
        """False where there are none."""
        for record in records:
            for task, start in _reads(record):
                needs.add(self._partition(task), start, shard)
        return bool(records)

    def _begin_anew(self, owner: Owner, epoch: int, committed: Positions, needs: _Needs) -> Unjournalled:
        """From the first epoch on of which the journal has all up to the committed one, and under whose rules the one
        before it ended."""
        journal = journal_of(self._settings, owner, self._counts)
        kept = [self._local_records(owner, epoch), read_topic(self._kafka, journal, owner.shard, 0, epoch, owner)]
        run = max((_leading_to(epoch, records) for records in kept), key=len)
        while run and run[0].switches:
            run.pop(0)
        if not run:
            mine = (each for each, stamp in stamps(committed).items() if stamp.shard == owner.shard)
            positions = {each: position.offset for each in mine if (position := committed[each]) is not None}
            return Unjournalled(epoch, Anew(epoch, None, positions), None)
        self._add(run, owner.shard, needs)
        first = run[0]
        positions = {self._partition(task): each.start for task, each in first.ranges.items()}
        return Unjournalled(epoch, Anew(first.epoch - 1, first.version, positions), first.now_ms)

    def _local(self, owner: Owner) -> LocalJournal:
        return LocalJournal(self._disk, owner.folder(self._settings.state_dir), owner)

    def _local_records(self, owner: Owner, epoch: int) -> list[EpochRecord]:
        try:
            return self._local(owner).read(0, epoch)
        except Unavailable:
            return []

    def _newest_snapshot(self, owner: Owner, epoch: int, local: LocalJournal) -> int:
        """The epoch from which a worker would replay; 0 without any."""
        folder = owner.folder(self._settings.state_dir)
        mine = _newest(SnapshotStore(self._disk, folder, owner), epoch)
        if self._shared is None or (mine and self._leads(local, mine, epoch)):
            return mine
        try:
            return max(mine, _newest(self._shared.snapshots(owner), epoch))
        except Unavailable as error:
            self._silent = error
            return mine

    def _leads(self, local: LocalJournal, above: int, epoch: int) -> bool:
        try:
            return not missing_epochs(local.read(above, epoch), above, epoch)
        except Unavailable:
            return False

    def _records(self, owner: Owner, above: int, epoch: int, local: LocalJournal) -> list[EpochRecord]:
        """Empty where not all of them are to be had."""
        try:
            return replayable(local, self._kafka, journal_of(self._settings, owner, self._counts), owner, above, epoch)
        except StateMismatch:
            return []

    def _move_to(self, generation: int) -> Move | None:
        if self._moves is None:
            journal = Partition(self._settings.topics.journal, 0)
            self._moves = moves(self._kafka, journal, self._settings.app)
        return self._moves.get(generation)

    def _partition(self, task: TaskId) -> Partition:
        topic = task.topic if task.stage == 1 else exchange_topic(self._settings.topics, task.stage)
        return Partition(topic, task.partition)

    def _gaps(self, needs: _Needs) -> dict[Partition, Gap]:
        counts = self._partitions_of({each.topic for each in needs.starts})
        there = [each for each in sorted(needs.starts) if each.partition < counts.get(each.topic, 0)]
        admin = self._kafka.admin()
        try:
            first = admin.beginning_offsets(there) if there else {}
        finally:
            admin.close()
        return {
            each: Gap(needs.starts[each], first[each], frozenset(needs.shards[each]))
            for each in there
            if needs.starts[each] < first[each]
        }

    def _partitions_of(self, topics: Iterable[str]) -> Mapping[str, int]:
        admin = self._kafka.admin()
        try:
            return admin.partitions_of(topics)
        finally:
            admin.close()


def _newest(snapshots: SnapshotStore, up_to: int) -> int:
    return max((each for each in snapshots.epochs() if each <= up_to), default=0)


def _leading_to(epoch: int, records: list[EpochRecord]) -> list[EpochRecord]:
    """The last of them that follow one another up to `epoch`."""
    found: list[EpochRecord] = []
    for record in reversed(records):
        if record.epoch != epoch - len(found):
            break
        found.insert(0, record)
    return found


def _reads(record: EpochRecord) -> Iterable[tuple[TaskId, int]]:
    """Where the replay of an epoch begins to read: its records, and those of the past that a change took in."""
    yield from ((task, each.start) for task, each in record.ranges.items() if each.start < each.end)
    yield from ((each.task, each.start) for each in record.pasts if each.start < each.end)
