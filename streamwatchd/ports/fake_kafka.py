"""Kafka in memory, for one thread: a broker that keeps its promises, and clients that fail or die where a plan says."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from itertools import islice

from streamwatchd.batch import RawBatch
from streamwatchd.errors import BadRecord, Fenced, StateMismatch, Unavailable
from streamwatchd.ports.clock import Clock, ManualClock
from streamwatchd.ports.fake_broker import Broker, Entry, State, Transaction
from streamwatchd.ports.faults import Faults
from streamwatchd.ports.kafka import Committed, NewTopic, Outcome, Partition, Record, Taken, TopicFacts
from streamwatchd.ports.murmur2 import partition_of

MAX_RECORD_BYTES = 1_000_000


class Delayed(Unavailable):
    """As a fault at `kafka.commit`: the request to end the transaction arrives only with `FakeKafka.deliver`."""


class Doubled(Unavailable):
    """As a fault at `kafka.commit.done`: it was committed, and a second copy of the request is still on its way."""


class FakeKafka:
    """See `ports.kafka.Kafka`; clients opened here share one broker.

    Points for faults are kafka.<call> and, where a call changes something, kafka.<call>.done, for the calls writer,
    begin, send, send_offsets, commit, abort, rebuild, take, committed, ensure_topics. An Unavailable at kafka.commit is
    a lost request, at kafka.commit.done a lost answer: both give UNKNOWN. After a `Killed` drop the clients and open
    new ones; what they left open stays open in the broker, as it would. While `down` is set nothing answers.
    """

    def __init__(
        self,
        topics: Mapping[str, int] | None = None,
        *,
        clock: Clock | None = None,
        faults: Faults | None = None,
        transaction_timeout_ms: int = 15_000,
    ) -> None:
        self.clock = clock or ManualClock()
        self.faults = faults or Faults()
        self.broker = Broker(self.clock, transaction_timeout_ms)
        self.down = False
        self._in_flight: list[tuple[str, int]] = []
        for topic, partitions in (topics or {}).items():
            self.broker.create(topic, partitions)

    def reach(self, point: str) -> None:
        self.faults.reach(f"kafka.{point}")
        if self.down:
            raise Unavailable("no broker answers")
        self.broker.expire()

    def delay(self, transactional_id: str, epoch: int) -> None:
        self._in_flight.append((transactional_id, epoch))

    def deliver(self) -> None:
        """Commit requests that were delayed or doubled arrive now."""
        late, self._in_flight = self._in_flight, []
        for transactional_id, epoch in late:
            self.broker.end(transactional_id, epoch, State.COMMITTED)

    def records(self, topic: str) -> list[Record]:
        """What a read_committed consumer could read now, by partition and offset: for the end of a test."""
        broker, found = self.broker, []
        for number, log in enumerate(broker.topics.get(topic, [])):
            end = broker.stable_end(Partition(topic, number))
            found += [record for _, _, record in log.read(log.start, end, read_committed=True)]
        return found

    def reader(self, *, read_committed: bool = True) -> FakeReader:
        return FakeReader(self, read_committed=read_committed)

    def writer(self, transactional_id: str) -> FakeWriter:
        return FakeWriter(self, transactional_id)

    def fence(self, transactional_id: str) -> None:
        FakeWriter(self, transactional_id).close()

    def plain_writer(self) -> FakePlainWriter:
        return FakePlainWriter(self)

    def admin(self) -> FakeAdmin:
        return FakeAdmin(self)


class FakeReader:
    def __init__(self, kafka: FakeKafka, *, read_committed: bool) -> None:
        self._kafka = kafka
        self._read_committed = read_committed
        self._positions: dict[Partition, int] = {}
        self._paused: set[Partition] = set()
        self._at_end: set[Partition] = set()
        self._turn = 0

    def assign(self, positions: Mapping[Partition, int]) -> None:
        self._kafka.reach("assign")
        for partition in positions:
            self._kafka.broker.log(partition)
        self._positions, self._paused, self._at_end = dict(positions), set(), set()

    def take(self, max_records: int, timeout_s: float) -> Taken:
        self._kafka.reach("take")
        batches = []
        for partition in self._in_turn():
            raw = self._read(partition, max_records)
            max_records -= len(raw)
            if len(raw):
                batches.append(raw)
        if not batches:
            self._kafka.clock.sleep(timeout_s)
        batches.sort(key=lambda raw: (raw.topic, raw.partition))
        return Taken(batches, frozenset(self._at_end))

    def _in_turn(self) -> list[Partition]:
        """Another partition is first each time, so that a small `max_records` starves none."""
        active = [each for each in self._positions if each not in self._paused]
        self._turn += 1
        first = self._turn % max(1, len(active))
        return active[first:] + active[:first]

    def _read(self, partition: Partition, limit: int) -> RawBatch:
        log, position = self._kafka.broker.log(partition), self._positions[partition]
        if not log.start <= position <= log.end:
            raise StateMismatch(f"offset {position} of {partition} is out of range [{log.start}, {log.end}]")
        end = max(position, self._kafka.broker.stable_end(partition) if self._read_committed else log.end)
        found = list(islice(log.read(position, end, read_committed=self._read_committed), limit))
        if len(found) < limit:
            self._positions[partition] = end
        elif found:
            self._positions[partition] = found[-1][0] + 1
        if self._positions[partition] == end:
            self._at_end.add(partition)
        else:
            self._at_end.discard(partition)
        return _raw(partition, found)

    def positions(self) -> Mapping[Partition, int]:
        return dict(self._positions)

    def pause(self, partitions: Iterable[Partition]) -> None:
        self._paused |= set(partitions)

    def resume(self, partitions: Iterable[Partition]) -> None:
        self._paused -= set(partitions)

    def close(self) -> None:
        self._positions = {}


def _raw(partition: Partition, found: list[tuple[int, Entry, Record]]) -> RawBatch:
    return RawBatch(
        partition.topic,
        partition.partition,
        [record.value for _, _, record in found],
        [offset for offset, _, _ in found],
        [entry.timestamp_ms for _, entry, _ in found],
        [record.key for _, _, record in found],
    )


class FakeWriter:
    def __init__(self, kafka: FakeKafka, transactional_id: str) -> None:
        self._kafka = kafka
        self._id = transactional_id
        self._doubtful = True
        self._began_ms: int | None = None
        kafka.reach("writer")
        self._epoch = kafka.broker.open_epoch(transactional_id)
        self._doubtful = False
        kafka.reach("writer.done")

    @property
    def doubtful(self) -> bool:
        return self._doubtful

    def rebuild(self) -> None:
        self._doubtful, self._began_ms = True, None
        self._kafka.reach("rebuild")
        self._epoch = self._kafka.broker.open_epoch(self._id)
        self._doubtful = False
        self._kafka.reach("rebuild.done")

    def begin(self) -> None:
        if self._doubtful or self._began_ms is not None:
            raise RuntimeError("begin of a transaction while another is open or in doubt")
        self._kafka.reach("begin")
        self._began_ms = self._kafka.clock.now_ms()

    def send(self, records: Iterable[Record]) -> None:
        self._kafka.reach("send")
        for record in records:
            if len(record.value or b"") + len(record.key or b"") > MAX_RECORD_BYTES:
                raise BadRecord(f"too_large: a record of {len(record.value or b'')} bytes")
            _append(self._kafka, record, self._transaction())
        self._kafka.reach("send.done")

    def send_offsets(self, group: str, positions: Mapping[Partition, Committed]) -> None:
        self._kafka.reach("send_offsets")
        self._transaction().offsets.setdefault(group, {}).update(positions)
        self._kafka.reach("send_offsets.done")

    def _transaction(self) -> Transaction:
        if self._began_ms is None:
            raise RuntimeError("no transaction is open")
        self._demand_epoch()
        return self._kafka.broker.transaction(self._id, self._epoch)

    def _demand_epoch(self) -> None:
        if self._kafka.broker.is_current(self._id, self._epoch):
            return
        self._doubtful = True
        age_ms = self._kafka.clock.now_ms() - (self._began_ms or 0)
        if self._began_ms is not None and age_ms >= self._kafka.broker.transaction_timeout_ms:
            raise Unavailable("the broker ended the transaction by its time-out")
        raise Fenced(f"another writer has the transactional id {self._id}")

    def commit(self, timeout_s: float) -> Outcome:
        return self._end("commit", State.COMMITTED, Outcome.COMMITTED)

    def abort(self, timeout_s: float) -> Outcome:
        outcome = self._end("abort", State.ABORTED, Outcome.ABORTED)
        self._doubtful = True
        return outcome

    def _end(self, call: str, state: State, outcome: Outcome) -> Outcome:
        try:
            self._kafka.reach(call)
            if self._began_ms is None:
                raise RuntimeError("no transaction is open")
            self._demand_epoch()
            self._kafka.broker.end(self._id, self._epoch, state)
            self._kafka.reach(f"{call}.done")
        except Doubled:
            self._doubtful = True
            self._kafka.delay(self._id, self._epoch)
        except Unavailable as problem:
            self._doubtful = True
            if isinstance(problem, Delayed):
                self._kafka.delay(self._id, self._epoch)
            outcome = Outcome.UNKNOWN
        self._began_ms = None
        return outcome

    def close(self) -> None:
        self._doubtful = True


class FakePlainWriter:
    def __init__(self, kafka: FakeKafka) -> None:
        self._kafka = kafka

    def send(self, records: Iterable[Record]) -> None:
        self._kafka.reach("plain_send")
        for record in records:
            _append(self._kafka, record, None)

    def flush(self, timeout_s: float) -> None:
        self._kafka.reach("flush")

    def close(self) -> None:
        """Nothing is open."""


def _append(kafka: FakeKafka, record: Record, transaction: Transaction | None) -> None:
    try:
        kafka.broker.append(_partition(kafka, record), record, transaction)
    except StateMismatch as problem:
        raise Unavailable(f"{record.topic} is not there, create it: {problem}") from problem


def _partition(kafka: FakeKafka, record: Record) -> Partition:
    if record.partition is not None:
        return Partition(record.topic, record.partition)
    count = max(1, len(kafka.broker.topics.get(record.topic, [])))
    if record.source_partition is not None:
        return Partition(record.topic, record.source_partition % count)
    return Partition(record.topic, partition_of(record.key, count) if record.key is not None else 0)


class FakeAdmin:
    def __init__(self, kafka: FakeKafka) -> None:
        self._kafka = kafka

    def partitions_of(self, topics: Iterable[str]) -> dict[str, int]:
        self._kafka.reach("partitions_of")
        known = self._kafka.broker.topics
        return {topic: len(known[topic]) for topic in topics if topic in known}

    def describe(self, topics: Iterable[str]) -> dict[str, TopicFacts]:
        self._kafka.reach("describe")
        broker = self._kafka.broker
        return {
            topic: TopicFacts(broker.ids[topic], len(broker.topics[topic]))
            for topic in topics
            if topic in broker.topics
        }

    def ensure_topics(self, topics: Iterable[NewTopic]) -> list[str]:
        self._kafka.reach("ensure_topics")
        wanted = {topic.name: topic for topic in topics}
        absent = sorted(wanted.keys() - self._kafka.broker.topics.keys())
        for name in absent:
            self._kafka.broker.create(name, wanted[name].partitions)
        self._kafka.reach("ensure_topics.done")
        return absent

    def beginning_offsets(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        self._kafka.reach("beginning_offsets")
        return {each: self._kafka.broker.log(each).start for each in partitions}

    def offsets_at(self, stamps_ms: Mapping[Partition, int]) -> dict[Partition, int]:
        self._kafka.reach("offsets_at")
        found = {}
        for each, ms in stamps_ms.items():
            log = self._kafka.broker.log(each)
            found[each] = next((log.start + n for n, one in enumerate(log.entries) if one.timestamp_ms >= ms), log.end)
        return found

    def end_offsets(self, partitions: Iterable[Partition], *, read_committed: bool = False) -> dict[Partition, int]:
        self._kafka.reach("end_offsets")
        broker = self._kafka.broker
        return {each: broker.stable_end(each) if read_committed else broker.log(each).end for each in partitions}

    def committed(
        self, group: str, partitions: Iterable[Partition], *, stable: bool = True, patience_s: float | None = None
    ) -> dict[Partition, Committed | None]:
        self._kafka.reach("committed")
        return {each: self._kafka.broker.committed(group, each, stable=stable) for each in partitions}

    def commit(self, group: str, positions: Mapping[Partition, Committed]) -> None:
        self._kafka.reach("admin_commit")
        self._kafka.broker.groups.setdefault(group, {}).update(positions)
        self._kafka.reach("admin_commit.done")

    def close(self) -> None:
        """Nothing is open."""
