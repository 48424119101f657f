"""Committed offsets as the journal topic has them: each epoch's record travelled in the transaction that committed its
offsets, so what the group has lost can be had from there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from streamwatchd.errors import StateMismatch, Unavailable
from streamwatchd.ports.kafka import Committed, Kafka, Partition
from streamwatchd.settings import Settings
from streamwatchd.shard.assignor import exchange_topic, owner
from streamwatchd.shard.journal import EpochRecord, payloads
from streamwatchd.shard.layouts import moves
from streamwatchd.shard.output import TaskId
from streamwatchd.shard.owner import Layout, Owner
from streamwatchd.shard.stamp import stamp_of


class Remembered:
    """What the journal topic retains of an application. Reads all of it; raises Unavailable, StateMismatch."""

    def __init__(self, kafka: Kafka, settings: Settings) -> None:
        self._settings = settings
        self._ends: dict[Partition, tuple[tuple[int, int], int]] = {}
        self._epochs: dict[Owner, int] = {}
        journal = settings.topics.journal
        for number in range(_partitions(kafka, journal)):
            for record in _records(kafka, Partition(journal, number), settings.app):
                self._take(record)
        self._moves = moves(kafka, Partition(journal, 0), settings.app)
        for generation, move in self._moves.items():
            for partition, at in move.starts.items():
                self._keep(partition, (generation, move.base), at)

    def _take(self, record: EpochRecord) -> None:
        self._epochs[record.owner] = max(record.epoch, self._epochs.get(record.owner, 0))
        for task, its_range in record.ranges.items():
            self._keep(self._partition(task), (record.owner.generation, record.epoch), its_range.end)

    def _keep(self, partition: Partition, when: tuple[int, int], offset: int) -> None:
        if partition not in self._ends or when >= self._ends[partition][0]:
            self._ends[partition] = when, offset

    def _partition(self, task: TaskId) -> Partition:
        topic = task.topic if task.stage == 1 else exchange_topic(self._settings.topics, task.stage)
        return Partition(topic, task.partition)

    @property
    def layout(self) -> Layout | None:
        """The newest one; None where nothing is known."""
        layouts = [each.layout for each in self._epochs] + [each.after for each in self._moves.values()]
        return max(layouts, default=None)

    def positions(self, partitions: Iterable[Partition]) -> dict[Partition, Committed]:
        """Of these, as they were committed. Raises StateMismatch where the topic does not retain one."""
        layout, found = self.layout, {}
        for each in partitions:
            if layout is None or each not in self._ends:
                raise StateMismatch(
                    f"topic {self._settings.topics.journal} does not retain where {each} "
                    "stood: restore the group's offsets yourself, or begin anew with another `app` and `state_dir`"
                )
            mine = Owner(
                self._settings.app, layout.generation, layout.shards, owner(each.topic, each.partition, layout.shards)
            )
            move = self._moves.get(layout.generation)
            epoch = self._epochs.get(mine, move.base if move is not None else 0)
            found[each] = Committed(self._ends[each][1], str(stamp_of(mine, epoch)))
        return found


def has_worked(kafka: Kafka, settings: Settings) -> bool:
    """Whether the journal topic knows the application."""
    journal = settings.topics.journal
    return any(
        True
        for number in range(_partitions(kafka, journal))
        for _ in _records(kafka, Partition(journal, number), settings.app)
    )


def put_back(kafka: Kafka, settings: Settings, partitions: Iterable[Partition]) -> Mapping[Partition, Committed]:
    """Commit what the journal topic has; raises Unavailable, StateMismatch."""
    positions = Remembered(kafka, settings).positions(sorted(partitions))
    admin = kafka.admin()
    try:
        admin.commit(settings.app, positions)
        if admin.committed(settings.app, positions) != positions:
            raise Unavailable("the offsets were put back, and others are there: is another daemon at work?")
    finally:
        admin.close()
    return positions


def _partitions(kafka: Kafka, topic: str) -> int:
    admin = kafka.admin()
    try:
        return admin.partitions_of([topic]).get(topic, 0)
    finally:
        admin.close()


def _records(kafka: Kafka, journal: Partition, app: str) -> Iterable[EpochRecord]:
    for key, payload in payloads(kafka, journal):
        if payload is not None and key is not None and key.isdigit():
            record = EpochRecord.decode(payload)
            if record.owner.app == app:
                yield record
