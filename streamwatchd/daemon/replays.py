"""What the shards would replay at this start, asked before any worker does: it may have passed retention.

A worker brings its shard from the newest snapshot to the committed epoch. Without a snapshot it begins with what the
layout before had, in the end with the first epoch; so a state folder that was lost needs what its host read long ago.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from streamwatchd.errors import StateMismatch, Unavailable
from streamwatchd.ports.disk import Disk
from streamwatchd.ports.kafka import Kafka, Partition
from streamwatchd.settings import Settings
from streamwatchd.shard.assignor import exchange_topic
from streamwatchd.shard.journal import EpochRecord, LocalJournal, missing_epochs, replayable
from streamwatchd.shard.layouts import Move, moves
from streamwatchd.shard.output import TaskId
from streamwatchd.shard.owner import Owner
from streamwatchd.shard.rebuild import journal_of
from streamwatchd.shard.shared import SharedStore
from streamwatchd.shard.snapshot import SnapshotStore
from streamwatchd.shard.stamp import Positions, stamps


@dataclass(frozen=True, slots=True)
class Gap:
    """A replay would begin at offset `start`, the partition at `first`. `shards`: whose state it is."""

    start: int
    first: int
    shards: frozenset[int]


@dataclass(slots=True)
class _Needs:
    """By partition, the first offset that a replay reads, and for which shards."""

    starts: dict[Partition, int] = field(default_factory=dict)
    shards: dict[Partition, set[int]] = field(default_factory=dict)

    def add(self, partition: Partition, start: int, shard: int) -> None:
        self.starts[partition] = min(start, self.starts.get(partition, start))
        self.shards.setdefault(partition, set()).add(shard)


class Replays:
    """Of the shards that this host has. `shared` is None without a shared snapshot store."""

    def __init__(self, kafka: Kafka, settings: Settings, disk: Disk, shared: SharedStore | None) -> None:
        self._kafka, self._settings, self._disk, self._shared = kafka, settings, disk, shared
        self._counts: Mapping[str, int] = {}
        self._moves: Mapping[int, Move] | None = None
        self._silent: Unavailable | None = None

    def gaps(self, committed: Positions) -> dict[Partition, Gap]:
        """What is gone of the records between the newest snapshots and the committed offsets.

        Reads no journal topic where the state folder leads there by itself. Raises Unavailable, also where a shared
        store that does not answer may have what is gone; StateMismatch for offsets that others wrote.
        """
        self._silent = None
        self._counts = self._partitions_of([self._settings.topics.journal])
        needs = _Needs()
        for owner, epoch in self._epochs(committed).items():
            self._visit(owner, epoch, owner.shard, needs)
        found = self._gaps(needs)
        if found and self._silent is not None:
            raise self._silent
        return found

    def _epochs(self, committed: Positions) -> dict[Owner, int]:
        settings, found = self._settings, dict[Owner, int]()
        for stamp in stamps(committed).values():
            owner = Owner(settings.app, stamp.layout.generation, stamp.layout.shards, stamp.shard)
            if not settings.owns or stamp.shard in settings.owns:
                found[owner] = max(stamp.epoch, found.get(owner, 0))
        return found

    def _visit(self, owner: Owner, epoch: int, shard: int, needs: _Needs) -> None:
        """`shard`: of the layout in force, whose state needs that of `owner` behind `epoch`."""
        local = LocalJournal(self._disk, owner.folder(self._settings.state_dir), owner)
        above = self._newest_snapshot(owner, epoch, local)
        if above < epoch:
            for record in self._records(owner, above, epoch, local):
                for task, start in _reads(record):
                    needs.add(self._partition(task), start, shard)
        if above == 0 and owner.generation:
            self._visit_before(owner, shard, needs)

    def _visit_before(self, owner: Owner, shard: int, needs: _Needs) -> None:
        """The layout that its own was made of; a worker says so where nothing is known of that."""
        move = self._move_to(owner.generation)
        if move is not None:
            for number, last in move.epochs.items():
                earlier = Owner(owner.app, move.before.generation, move.before.shards, number)
                self._visit(earlier, last, shard, needs)

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
        """None where some are not to be had: the worker that needs them says which."""
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


def _reads(record: EpochRecord) -> Iterable[tuple[TaskId, int]]:
    """Where the replay of an epoch begins to read: its records, and those of the past that a change took in."""
    yield from ((task, each.start) for task, each in record.ranges.items() if each.start < each.end)
    yield from ((each.task, each.start) for each in record.pasts if each.start < each.end)
