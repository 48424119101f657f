"""What a broker keeps, in memory: logs with offsets and control markers, transactions, fencing, committed positions."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum, auto

from streamwatchd.errors import StateMismatch, Unavailable
from streamwatchd.ports.clock import Clock
from streamwatchd.ports.kafka import Committed, Partition, Record


class State(Enum):
    OPEN = auto()
    COMMITTED = auto()
    ABORTED = auto()


@dataclass(slots=True)
class Transaction:
    transactional_id: str
    epoch: int
    began_ms: int
    state: State = State.OPEN
    first_offsets: dict[Partition, int] = field(default_factory=dict)
    offsets: dict[str, dict[Partition, Committed]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Entry:
    """One offset of a log: a record, or the control marker that ended a transaction there (`record` is None)."""

    record: Record | None
    timestamp_ms: int
    transaction: Transaction | None


class Log:
    def __init__(self) -> None:
        self.start = 0
        self.entries: list[Entry] = []

    @property
    def end(self) -> int:
        return self.start + len(self.entries)

    def append(self, entry: Entry) -> None:
        self.entries.append(entry)

    def delete_before(self, offset: int) -> None:
        """As retention does: offsets below are gone."""
        self.entries = self.entries[offset - self.start :]
        self.start = max(offset, self.start)

    def read(self, position: int, end: int, *, read_committed: bool) -> Iterator[tuple[int, Entry, Record]]:
        for offset in range(position, end):
            entry = self.entries[offset - self.start]
            hidden = read_committed and entry.transaction is not None and entry.transaction.state is State.ABORTED
            if entry.record is not None and not hidden:
                yield offset, entry, entry.record


class Broker:
    """All of a cluster's state. Epochs fence: only the newest epoch of a transactional id may act."""

    def __init__(self, clock: Clock, transaction_timeout_ms: int) -> None:
        self.clock = clock
        self.transaction_timeout_ms = transaction_timeout_ms
        self.topics: dict[str, list[Log]] = {}
        self.ids: dict[str, str] = {}
        self._made = 0
        self.groups: dict[str, dict[Partition, Committed]] = {}
        self.epochs: dict[str, int] = {}
        self.open: dict[str, Transaction] = {}

    def create(self, topic: str, partitions: int) -> None:
        if topic not in self.topics:
            self.topics[topic] = [Log() for _ in range(partitions)]
            self._made += 1
            self.ids[topic] = f"{topic}-{self._made}"

    def delete(self, topic: str) -> None:
        """Committed positions go with it, as a group coordinator has it."""
        del self.topics[topic]
        for positions in self.groups.values():
            for partition in [each for each in positions if each.topic == topic]:
                del positions[partition]

    def log(self, partition: Partition) -> Log:
        logs = self.topics.get(partition.topic, [])
        if partition.partition >= len(logs):
            raise StateMismatch(f"there is no partition {partition.partition} of topic {partition.topic}")
        return logs[partition.partition]

    def append(self, partition: Partition, record: Record, transaction: Transaction | None) -> None:
        timestamp_ms = self.clock.now_ms() if record.timestamp_ms is None else record.timestamp_ms
        log = self.log(partition)
        if transaction is not None:
            transaction.first_offsets.setdefault(partition, log.end)
        log.append(Entry(record, timestamp_ms, transaction))

    def stable_end(self, partition: Partition) -> int:
        """The last stable offset: the first offset of the earliest open transaction, else the end."""
        pending = (each.first_offsets.get(partition) for each in self.open.values())
        return min((offset for offset in pending if offset is not None), default=self.log(partition).end)

    def open_epoch(self, transactional_id: str) -> int:
        """InitProducerId: abort what is open under the id, fence its earlier producers."""
        self._end(transactional_id, State.ABORTED)
        self.epochs[transactional_id] = self.epochs.get(transactional_id, -1) + 1
        return self.epochs[transactional_id]

    def transaction(self, transactional_id: str, epoch: int) -> Transaction:
        """The open transaction, begun now if there is none (the broker learns of it by its first request)."""
        if transactional_id not in self.open:
            self.open[transactional_id] = Transaction(transactional_id, epoch, self.clock.now_ms())
        return self.open[transactional_id]

    def is_current(self, transactional_id: str, epoch: int) -> bool:
        return self.epochs.get(transactional_id) == epoch

    def end(self, transactional_id: str, epoch: int, state: State) -> None:
        """EndTxn. A late copy ends whatever is open under that epoch, and nothing under a later one."""
        if self.is_current(transactional_id, epoch):
            self._end(transactional_id, state)

    def _end(self, transactional_id: str, state: State) -> None:
        transaction = self.open.pop(transactional_id, None)
        if transaction is None:
            return
        transaction.state = state
        for partition in sorted(transaction.first_offsets):
            self.log(partition).append(Entry(None, self.clock.now_ms(), transaction))
        if state is State.COMMITTED:
            for group, positions in transaction.offsets.items():
                self.groups.setdefault(group, {}).update(positions)

    def expire(self) -> None:
        """Abort and fence transactions that are older than their time-out."""
        for transactional_id, transaction in list(self.open.items()):
            if self.clock.now_ms() - transaction.began_ms >= self.transaction_timeout_ms:
                self.open_epoch(transactional_id)

    def committed(self, group: str, partition: Partition, *, stable: bool = True) -> Committed | None:
        if stable and any(partition in transaction.offsets.get(group, {}) for transaction in self.open.values()):
            raise Unavailable(f"the position of group {group} in {partition} is not decided yet")
        return self.groups.get(group, {}).get(partition)
