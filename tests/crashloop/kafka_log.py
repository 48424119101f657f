"""What Kafka has committed, read on from where the last reading stopped."""

from __future__ import annotations

from collections.abc import Iterable

from streamwatchd.batch import RawBatch
from streamwatchd.ports.kafka import Kafka, Partition
from streamwatchd.shard.journal import EpochRecord


class Logs:
    """All committed records of some partitions, as they were at the last `read`."""

    def __init__(self, kafka: Kafka, topics: Iterable[str]) -> None:
        self._kafka = kafka
        self._reader = kafka.reader(read_committed=True)
        admin = kafka.admin()
        counts = admin.partitions_of(list(topics))
        self.partitions = [Partition(topic, number) for topic, count in counts.items() for number in range(count)]
        self._positions = dict(admin.beginning_offsets(self.partitions))
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
    """The epochs of every shard, in order; each is there once, and goes on where the one before ended."""

    def __init__(self, kafka: Kafka, topic: str, shards: int) -> None:
        self._logs = Logs(kafka, [topic])
        self.epochs: list[list[EpochRecord]] = [[] for _ in range(shards)]
        self.faults: list[str] = []

    def read(self) -> list[list[EpochRecord]]:
        """The new epochs by shard."""
        before = [len(each) for each in self.epochs]
        for batches in self._logs.read().values():
            for batch in batches:
                for key, payload in zip(batch.keys or (), batch.payloads, strict=True):
                    self._add(int(key or b""), EpochRecord.decode(payload or b""))
        return [each[start:] for each, start in zip(self.epochs, before, strict=True)]

    def _add(self, shard: int, record: EpochRecord) -> None:
        epochs = self.epochs[shard]
        last = epochs[-1] if epochs else None
        if record.epoch != (last.epoch if last else 0) + 1:
            self.faults.append(f"shard {shard}: epoch {record.epoch} comes after {last and last.epoch}")
        for task, its_range in record.ranges.items():
            known = last.ranges.get(task) if last else None
            if known is not None and known.end != its_range.start:
                self.faults.append(f"shard {shard}: {task} goes on at {its_range.start}, not at {known.end}")
        epochs.append(record)

    def close(self) -> None:
        self._logs.close()
