"""What Kafka has committed, read on from where the last reading stopped."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import TypeVar

from streamwatchd.batch import RawBatch
from streamwatchd.errors import Unavailable
from streamwatchd.ports.kafka import Kafka, Partition
from streamwatchd.shard.journal import EpochRecord
from streamwatchd.shard.output import TaskId
from streamwatchd.shard.owner import Owner

T = TypeVar("T")
_PATIENCE_S = 120.0


def _patiently(ask: Callable[[], T]) -> T:
    """The answer of a broker that may stand still for a while, as one does that shares a busy machine."""
    deadline = time.monotonic() + _PATIENCE_S
    while True:
        try:
            return ask()
        except Unavailable:
            if time.monotonic() > deadline:
                raise


class Logs:
    """All committed records of some partitions, as they were at the last `read`."""

    def __init__(self, kafka: Kafka, topics: Iterable[str]) -> None:
        self._kafka = kafka
        self._reader = kafka.reader(read_committed=True)
        admin = kafka.admin()
        counts = _patiently(lambda: admin.partitions_of(list(topics)))
        self.partitions = [Partition(topic, number) for topic, count in counts.items() for number in range(count)]
        self._positions = dict(_patiently(lambda: admin.beginning_offsets(self.partitions)))
        admin.close()
        self.batches: dict[Partition, list[RawBatch]] = {partition: [] for partition in self.partitions}

    def read(self) -> dict[Partition, list[RawBatch]]:
        """To the ends as they are now; gives what is new."""
        self._reader.assign(self._positions)
        new: dict[Partition, list[RawBatch]] = {partition: [] for partition in self.partitions}
        left = set(self.partitions)
        while left:
            taken = self._reader.take(20_000, 0.5)
            for batch in taken.batches:
                new[Partition(batch.topic, batch.partition)].append(batch)
            left -= taken.at_end
        self._positions |= {each: at for each, at in self._reader.positions().items() if each in self._positions}
        for partition, batches in new.items():
            self.batches[partition] += batches
        return new

    def close(self) -> None:
        self._reader.close()


class Journal:
    """The epochs of all shards of all layouts, in order; each is there once, and goes on where the last one ended."""

    def __init__(self, kafka: Kafka, topic: str) -> None:
        self._logs = Logs(kafka, [topic])
        self._epochs: dict[Owner, list[EpochRecord]] = {}
        self._ends: dict[TaskId, int] = {}
        self._waiting: list[EpochRecord] = []
        self.moves = 0
        self.faults: list[str] = []

    @property
    def epochs(self) -> list[list[EpochRecord]]:
        """Those of the newest layout, by shard."""
        newest = max((owner.generation for owner in self._epochs), default=0)
        return [self._epochs[owner] for owner in sorted(self._epochs) if owner.generation == newest]

    def read(self) -> list[list[EpochRecord]]:
        """The new epochs by shard, older layouts first. A layout that is new waits until the next reading: partitions
        are not read at one instant, and the last epochs of the layout before may not be among these."""
        known = max((owner.generation for owner in self._epochs), default=0)
        found, self._waiting = self._waiting, []
        for batches in self._logs.read().values():
            for batch in batches:
                for key, payload in zip(batch.keys or (), batch.payloads, strict=True):
                    if not (key or b"").isdigit():  # a move, or the rules of a version
                        self.moves += (key or b"").startswith(b"layout/")
                        continue
                    record = EpochRecord.decode(payload or b"")
                    later = record.owner.generation > known and self._epochs
                    (self._waiting if later else found).append(record)
        new: dict[Owner, list[EpochRecord]] = {}
        for record in sorted(found, key=lambda each: each.owner.generation):
            self._add(record)
            new.setdefault(record.owner, []).append(record)
        return list(new.values())

    def _add(self, record: EpochRecord) -> None:
        owner = record.owner
        last = self._epochs[owner][-1].epoch if owner in self._epochs else self._base(owner)
        # a shard without any partition keeps no position, so each of its workers counts from the start
        if record.epoch != last + 1 and record.ranges:
            self.faults.append(f"{owner}: epoch {record.epoch} comes after {last}")
        for task, its_range in record.ranges.items():
            if self._ends.get(task, its_range.start) != its_range.start:
                self.faults.append(f"{owner}: {task} goes on at {its_range.start}, not at {self._ends[task]}")
            self._ends[task] = its_range.end
        self._epochs.setdefault(owner, []).append(record)

    def _base(self, owner: Owner) -> int:
        before = [each for each in self._epochs if each.generation < owner.generation]
        newest = max((each.generation for each in before), default=0)
        return max((self._epochs[each][-1].epoch for each in before if each.generation == newest), default=0)

    def close(self) -> None:
        self._logs.close()
