"""Writing: in transactions under a transactional id, or plainly."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterable, Mapping

from confluent_kafka import Consumer, KafkaError, KafkaException, Message, Producer, TopicPartition

from streamwatchd.errors import Fenced, Unavailable
from streamwatchd.ports.kafka import Committed, Outcome, Partition, Record
from streamwatchd.ports.librdkafka.errors import (
    Connection,
    ConnectionLog,
    Options,
    family,
    is_fence,
    kafka_error,
    options,
)
from streamwatchd.ports.librdkafka.groups import committed

REQUEST_SECONDS = 5.0
MEETING_SECONDS = 1.0
OPEN_SECONDS = 30.0
FENCE_SECONDS = 5.0
QUEUE_SECONDS = 30.0
OFFSETS_SECONDS = 10.0

_NOT_THERE = {KafkaError._UNKNOWN_TOPIC, KafkaError._UNKNOWN_PARTITION, KafkaError.UNKNOWN_TOPIC_OR_PART}

PLAIN_TUNING: Options = {
    # Flush and commit send at once. A thread that writes beside one that evaluates is slow: with 3 ms here, an epoch of
    # thousands of records went out in a hundred requests. Few records are sent while their offsets are.
    "linger.ms": 10,
    "compression.type": "lz4",
    "partitioner": "murmur2_random",
    "retry.backoff.ms": 5,
    "reconnect.backoff.max.ms": 2_000,
    "enable.idempotence": True,
    "delivery.report.only.error": True,
    # By a broker it would get the broker's number of partitions, not the one that it must have.
    "allow.auto.create.topics": False,
}
TRANSACTION_TUNING: Options = {
    "transaction.timeout.ms": 15_000,
    "message.timeout.ms": 10_000,
    "socket.timeout.ms": round(REQUEST_SECONDS * 1000),
    # A transaction right behind another meets CONCURRENT_TRANSACTIONS for some 2 ms and is tried again.
    "retry.backoff.ms": 2,
}


def _produce(producer: Producer, records: Iterable[Record], counts: dict[str, int]) -> None:
    """`counts` are partitions by topic as far as they were asked for; they are forgotten where they are in doubt."""
    produce = producer.produce
    for record in records:
        if record.source_partition is None:
            partition = -1 if record.partition is None else record.partition
        else:
            count = counts.get(record.topic) or _ask_count(producer, record.topic, counts)
            partition = record.source_partition % count
        headers: list[tuple[str, str | bytes | None]] = list(record.headers)
        timestamp_ms = record.timestamp_ms or 0
        deadline = 0.0
        while True:
            try:  # by position, as names cost a fifth of the call; the two Nones are callbacks
                produce(record.topic, record.value, record.key, partition, None, None, timestamp_ms, headers)
                break
            except BufferError as full:
                deadline = deadline or time.monotonic() + QUEUE_SECONDS
                if time.monotonic() > deadline:
                    raise Unavailable("the client's queue stays full: no broker takes the records") from full
                producer.poll(0.01)
            except KafkaException as problem:
                error = kafka_error(problem)
                if error.code() not in _NOT_THERE:
                    raise
                counts.clear()
                place = record.topic if partition < 0 else f"{record.topic}[{partition}]"
                raise Unavailable(f"{place} is not there, create it: {error.str()}") from problem
    producer.poll(0)


def _ask_count(producer: Producer, topic: str, counts: dict[str, int]) -> int:
    found = producer.list_topics(topic, timeout=REQUEST_SECONDS).topics[topic]
    if found.error is not None or not found.partitions:
        raise Unavailable(f"{topic} is not there, create it: {found.error}")
    counts[topic] = count = len(found.partitions)
    return count


def _meet_a_broker(producer: Producer) -> None:
    """Have a connection before the client asks for its coordinator or its id: without one it asks again after 500 ms
    only."""
    with contextlib.suppress(KafkaException):
        producer.list_topics(timeout=MEETING_SECONDS)
        time.sleep(0.03)


class _Bounded:
    """A call in a thread of its own, given up after a time.

    send_offsets_to_transaction ignores its time-out while the group's coordinator is away, and may never come back
    (librdkafka issues 5456 and 5511; seen with 2.16 on a cluster that had no __consumer_offsets yet).
    """

    def __init__(self, call: Callable[[], object]) -> None:
        self._call = call
        self._problem: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="send-offsets", daemon=True)

    def _run(self) -> None:
        try:
            self._call()
        except BaseException as problem:
            # Its frames hold this object, and so the producer, also where nobody waits for it any more.
            self._problem = problem.with_traceback(None)

    def run(self, seconds: float) -> None:
        """Raises what the call raises, or TimeoutError."""
        self._thread.start()
        self._thread.join(seconds)
        if self._thread.is_alive():
            raise TimeoutError
        problem, self._problem = self._problem, None
        try:
            if problem is not None:
                raise problem
        finally:
            del problem  # it holds this frame, and so the producer, until garbage is collected


class LibrdkafkaWriter:
    """See `ports.kafka.Writer`.

    librdkafka sends EndTxn again by itself after a time-out or a lost connection and then reports success; it speaks
    no KIP-890, so the first copy, arriving late, could end the *next* transaction of the same producer epoch.
    `doubtful` is therefore set after any such sign, and a rebuilt producer has a new epoch.

    A broker that ends a transaction by its time-out (a suspended machine) fences its producer just as another owner
    does; when our own transaction was that old, the outcome is UNKNOWN instead of Fenced, and the committed offsets
    show whether somebody else went on.
    """

    def __init__(self, user_options: Options, transactional_id: str, *, opened: bool = True) -> None:
        self._connection = Connection()
        transactional: Options = {"transactional.id": transactional_id}
        self._options = options(
            PLAIN_TUNING, TRANSACTION_TUNING, user_options, transactional, connection=self._connection
        )
        self._options |= ConnectionLog(self._connection).options()
        self._group_options = options(user_options, connection=Connection())
        self._groups: dict[str, object] = {}
        self._counts: dict[str, int] = {}
        self._limit_seconds = float(str(self._options["transaction.timeout.ms"])) / 1000
        self._began: float | None = None
        self._doubtful = True
        self._producer: Producer | None = None
        self._opening: Producer | None = None
        """One whose InitProducerId may be on its way: another producer would be fenced by it, so it is gone on with."""
        if opened:
            self.rebuild()

    @property
    def doubtful(self) -> bool:
        """Also after an outage between two transactions: a producer that went through one does not come back from
        sending offsets (see `_Bounded`), which takes longer than a new one."""
        if self._producer is not None and self._began is None:
            self._listen()
            self._doubtful = self._doubtful or self._connection.is_outage
        return self._doubtful

    def rebuild(self) -> None:
        self.renew(OPEN_SECONDS)

    def renew(self, patience_s: float) -> None:
        """A new producer; raises Unavailable where brokers do not answer for so long."""
        self._doubtful = True
        self.close()
        self._began = None
        if self._opening is None:
            self._opening = Producer(self._options)
            _meet_a_broker(self._opening)
        try:
            self._opening.init_transactions(patience_s)
        except KafkaException as problem:
            error = kafka_error(problem)
            if not error.retriable() and error.code() != KafkaError._TIMED_OUT:
                self._opening = None
            if is_fence(error):
                raise Unavailable(f"another producer opens this transactional id too: {error.str()}") from problem
            raise family(problem, "open a transactional producer") from problem
        self._producer, self._opening = self._opening, None
        self._connection.clear()
        self._doubtful = False

    def begin(self) -> None:
        if self._doubtful or self._began is not None:
            raise RuntimeError("begin of a transaction while another is open or in doubt")
        self._listen()
        self._connection.clear()
        try:
            self._open().begin_transaction()
        except KafkaException as problem:
            raise self._family(problem, "begin a transaction") from problem
        self._began = time.monotonic()

    def send(self, records: Iterable[Record]) -> None:
        try:
            _produce(self._open(), records, self._counts)
        except KafkaException as problem:
            raise self._family(problem, "produce") from problem

    def send_offsets(self, group: str, positions: Mapping[Partition, Committed]) -> None:
        offsets = [TopicPartition(p.topic, p.partition, at.offset, at.metadata) for p, at in positions.items()]
        producer, metadata = self._open(), self._group(group, offsets)
        call = _Bounded(lambda: producer.send_offsets_to_transaction(offsets, metadata, OFFSETS_SECONDS))
        try:
            call.run(OFFSETS_SECONDS + 1)
        except KafkaException as problem:
            raise self._family(problem, "send offsets") from problem
        except TimeoutError as problem:
            # The producer is of no use any more; the thread keeps it until the client comes back, if ever.
            self._producer, self._doubtful = None, True
            raise Unavailable("send offsets: the client does not come back") from problem

    def _group(self, group: str, offsets: list[TopicPartition]) -> object:
        """The metadata of a group without members: generation −1, so the transactional id is the only fence.

        Asking for the group's positions first waits for its coordinator, which a new cluster has to make: meeting it
        absent is one way into the client's endless wait (see `_Bounded`).
        """
        if group not in self._groups:
            consumer = Consumer({**self._group_options, "group.id": group})
            try:
                committed(consumer, [TopicPartition(each.topic, each.partition) for each in offsets], OFFSETS_SECONDS)
                self._groups[group] = consumer.consumer_group_metadata()
            except KafkaException as problem:
                raise family(problem, f"find the coordinator of group {group}") from problem
            finally:
                consumer.close()
        return self._groups[group]

    def commit(self, timeout_s: float) -> Outcome:
        producer, start = self._open(), time.monotonic()
        error: KafkaError | None = None
        while (left := start + timeout_s - time.monotonic()) > 0:
            try:
                producer.commit_transaction(left)
                return self._ended(Outcome.COMMITTED, start)
            except KafkaException as problem:
                error = kafka_error(problem)
            if error.txn_requires_abort():
                return self.abort(max(1.0, left))
            if not error.retriable():
                break
        return self._failed(error)

    def abort(self, timeout_s: float) -> Outcome:
        self._doubtful = True
        if self._producer is None:
            # Given up in `send_offsets`, so no commit was ever asked for.
            self._began = None
            return Outcome.ABORTED
        try:
            self._producer.abort_transaction(timeout_s)
        except KafkaException as problem:
            return self._failed(kafka_error(problem))
        self._began = None
        return Outcome.ABORTED

    def _ended(self, outcome: Outcome, start: float) -> Outcome:
        self._listen()
        self._doubtful = self._connection.lost or time.monotonic() - start > REQUEST_SECONDS / 2
        self._began = None
        return outcome

    def _listen(self) -> None:
        """Let the client tell what happened to its connections; an error it knows of comes with the next call."""
        with contextlib.suppress(KafkaException):
            self._open().poll(0)

    def _failed(self, error: KafkaError | None) -> Outcome:
        self._doubtful = True
        if error is not None and self._other_owner(error):
            raise Fenced(f"another writer has this transactional id: {error.str()}")
        self._began = None
        return Outcome.UNKNOWN

    def _other_owner(self, error: KafkaError) -> bool:
        timed_out = self._began is not None and time.monotonic() - self._began >= self._limit_seconds
        return is_fence(error) and not timed_out

    def _family(self, problem: KafkaException, doing: str) -> Exception:
        error = kafka_error(problem)
        self._doubtful = self._doubtful or is_fence(error)
        if is_fence(error) and not self._other_owner(error):
            return Unavailable(f"{doing}: the broker ended the transaction by its time-out")
        if error.code() in _NOT_THERE:
            return Unavailable(f"{doing}: a topic is not there, create it: {error.str()}")
        return family(error, doing)

    def _open(self) -> Producer:
        if self._producer is None:
            raise RuntimeError("the writer is closed")
        return self._producer

    def close(self) -> None:
        if self._producer is not None:
            with contextlib.suppress(KafkaException):
                self._producer.purge(blocking=False)
            # Not Producer.close(): it would abort and flush, and wait for a broker that may not be there.
            self._producer = None
        self._counts.clear()


_half_open: dict[tuple[object, str], LibrdkafkaWriter] = {}
"""By cluster and transactional id, those of this process whose opening has failed so far: whoever tries again goes on
with it, as two would fence each other."""


def open_writer(user_options: Options, transactional_id: str) -> LibrdkafkaWriter:
    key = user_options.get("bootstrap.servers"), transactional_id
    writer = _half_open.pop(key, None) or LibrdkafkaWriter(user_options, transactional_id, opened=False)
    try:
        writer.rebuild()
    except Unavailable:
        _half_open[key] = writer
        raise
    return writer


def fence(user_options: Options, transactional_id: str) -> None:
    """A producer that is opened and let go: where that fails nobody goes on with it, as a worker opens the id next."""
    writer = LibrdkafkaWriter(user_options, transactional_id, opened=False)
    try:
        writer.renew(FENCE_SECONDS)
    except Fenced as problem:
        raise Unavailable(str(problem)) from problem
    finally:
        writer.close()


class _Deliveries:
    """Hears of records that were given up. It knows nothing of the producer that tells it: the client's object does not
    take part in garbage collection, so one in a cycle would stay for ever, its threads and queues with it."""

    def __init__(self) -> None:
        self.failed: list[str] = []

    def heard(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            self.failed.append(f"{message.topic()}: {error.str()}")


class LibrdkafkaPlainWriter:
    """See `ports.kafka.PlainWriter`."""

    def __init__(self, user_options: Options) -> None:
        self._deliveries = _Deliveries()
        merged = options(PLAIN_TUNING, user_options, connection=Connection())
        self._producer = Producer({**merged, "on_delivery": self._deliveries.heard})
        _meet_a_broker(self._producer)
        self._counts: dict[str, int] = {}

    def send(self, records: Iterable[Record]) -> None:
        try:
            _produce(self._producer, records, self._counts)
        except KafkaException as problem:
            raise family(problem, "produce") from problem

    def flush(self, timeout_s: float) -> None:
        left = self._producer.flush(timeout_s)
        failed, self._deliveries.failed = self._deliveries.failed, []
        if failed or left:
            self._counts.clear()
            raise Unavailable(f"{len(failed)} records failed, {left} are not acknowledged; {failed[:1]}")

    def close(self) -> None:
        self._producer.purge(blocking=False)
