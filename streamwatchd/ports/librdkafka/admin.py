"""Topics, offsets and committed positions."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future
from contextlib import contextmanager
from typing import Any

from confluent_kafka import Consumer, IsolationLevel, KafkaError, KafkaException, TopicCollection, TopicPartition
from confluent_kafka.admin import AdminClient, OffsetSpec  # type: ignore[attr-defined]
from confluent_kafka.cimpl import NewTopic as ClientNewTopic

from streamwatchd.errors import StateMismatch, Unavailable
from streamwatchd.ports.kafka import Committed, NewTopic, Partition, TopicFacts
from streamwatchd.ports.librdkafka.errors import Connection, Options, family, kafka_error, options
from streamwatchd.ports.librdkafka.groups import committed

_EARLIEST = OffsetSpec.earliest()  # type: ignore[no-untyped-call]
_LATEST = OffsetSpec.latest()  # type: ignore[no-untyped-call]

NO_OFFSET = -1001
TUNING: Options = {
    "retry.backoff.ms": 20,
    # With few connections, librdkafka 2.16 looks for a broker that is away without a pause, at nearly a core a client.
    "enable.sparse.connections": False,
}


class LibrdkafkaAdmin:
    """See `ports.kafka.Admin`."""

    def __init__(self, user_options: Options, *, creates_topics: bool, patience_s: float) -> None:
        self._options = options(TUNING, user_options, connection=Connection())
        self._creates_topics = creates_topics
        self._patience_s = patience_s
        self._client = AdminClient(self._options)
        self._consumers: dict[tuple[str, bool], Consumer] = {}

    def partitions_of(self, topics: Iterable[str]) -> dict[str, int]:
        try:
            known = self._client.list_topics(timeout=self._patience_s).topics
        except KafkaException as problem:
            raise family(problem, "list topics") from problem
        found = {topic: known[topic] for topic in topics if topic in known}
        return {topic: len(each.partitions) for topic, each in found.items() if each.error is None}

    def describe(self, topics: Iterable[str]) -> dict[str, TopicFacts]:
        names = list(topics)
        if not self._creates_topics:
            return {name: TopicFacts("", count) for name, count in self.partitions_of(names).items()}
        if not names:
            return {}
        found = {}
        asked = self._client.describe_topics(TopicCollection(names), request_timeout=self._patience_s)
        for name, future in asked.items():
            described = _answer(future, f"describe topic {name}", KafkaError.UNKNOWN_TOPIC_OR_PART)
            if described is not None:
                found[name] = TopicFacts(str(described.topic_id), len(described.partitions))
        return found

    def ensure_topics(self, topics: Iterable[NewTopic]) -> list[str]:
        wanted = {topic.name: topic for topic in topics}
        absent = [wanted[name] for name in sorted(wanted.keys() - self.partitions_of(wanted).keys())]
        if absent and self._creates_topics:
            self._create(absent)
        elif absent:
            self._name(absent)
        deadline = time.monotonic() + self._patience_s
        while not self._usable(wanted, absent):
            if time.monotonic() > deadline:
                raise Unavailable(f"topics are created but not usable: {', '.join(sorted(wanted))}")
            time.sleep(0.02)
        return [topic.name for topic in absent]

    def _usable(self, wanted: Iterable[str], created: Iterable[NewTopic]) -> bool:
        """All are known, to whatever broker is asked, and the new ones' leaders, which the metadata names too early,
        answer."""
        counts = self.partitions_of(wanted)
        if counts.keys() != set(wanted):
            return False
        try:
            self.end_offsets(Partition(each.name, number) for each in created for number in range(counts[each.name]))
        except (StateMismatch, Unavailable):
            return False
        return True

    def _name(self, topics: Iterable[NewTopic]) -> None:
        """The embedded broker makes a topic as soon as somebody asks for it by name."""
        try:
            for topic in topics:
                self._client.list_topics(topic.name, timeout=self._patience_s)
        except KafkaException as problem:
            raise family(problem, "create topics") from problem

    def _create(self, topics: Iterable[NewTopic]) -> None:
        new = [ClientNewTopic(each.name, each.partitions, config=dict(each.config)) for each in topics]
        for name, future in self._client.create_topics(new, request_timeout=self._patience_s).items():
            _answer(future, f"create topic {name}", KafkaError.TOPIC_ALREADY_EXISTS)

    def beginning_offsets(self, partitions: Iterable[Partition]) -> dict[Partition, int]:
        return self._offsets(partitions, lambda _: _EARLIEST, IsolationLevel.READ_UNCOMMITTED)

    def offsets_at(self, stamps_ms: Mapping[Partition, int]) -> dict[Partition, int]:
        specs = {each: OffsetSpec.for_timestamp(ms) for each, ms in stamps_ms.items()}
        found = self._offsets(stamps_ms, specs.__getitem__, IsolationLevel.READ_UNCOMMITTED)
        ends = self.end_offsets([each for each, offset in found.items() if offset < 0])
        return found | ends

    def end_offsets(self, partitions: Iterable[Partition], *, read_committed: bool = False) -> dict[Partition, int]:
        isolation = IsolationLevel.READ_COMMITTED if read_committed else IsolationLevel.READ_UNCOMMITTED
        return self._offsets(partitions, lambda _: _LATEST, isolation)

    def _offsets(
        self, partitions: Iterable[Partition], spec: Callable[[Partition], OffsetSpec], isolation: IsolationLevel
    ) -> dict[Partition, int]:
        asked = {TopicPartition(each.topic, each.partition): spec(each) for each in partitions}
        if not asked:
            return {}
        self._demand({Partition(each.topic, each.partition) for each in asked})
        answers = self._client.list_offsets(asked, isolation_level=isolation, request_timeout=self._patience_s)
        found = {}
        for asked_for, future in answers.items():
            answer = _answer(future, f"offsets of {asked_for.topic}[{asked_for.partition}]")
            found[Partition(asked_for.topic, asked_for.partition)] = int(answer.offset)
        return found

    def _demand(self, partitions: set[Partition]) -> None:
        counts = self.partitions_of({each.topic for each in partitions})
        for each in sorted(partitions):
            if each.partition >= counts.get(each.topic, 0):
                raise StateMismatch(f"there is no partition {each.partition} of topic {each.topic}")

    def committed(
        self, group: str, partitions: Iterable[Partition], *, stable: bool = True, patience_s: float | None = None
    ) -> dict[Partition, Committed | None]:
        asked = [TopicPartition(each.topic, each.partition) for each in partitions]
        limit_s = self._patience_s if patience_s is None else patience_s
        with self._consumer(group, f"committed positions of group {group}", stable=stable) as consumer:
            answers = committed(consumer, asked, limit_s) if asked else []
        return {Partition(each.topic, each.partition): _committed(each) for each in answers}

    def commit(self, group: str, positions: Mapping[Partition, Committed]) -> None:
        offsets = [TopicPartition(p.topic, p.partition, at.offset, at.metadata) for p, at in positions.items()]
        with self._consumer(group, f"commit positions of group {group}") as consumer:
            consumer.commit(offsets=offsets, asynchronous=False)

    @contextmanager
    def _consumer(self, group: str, doing: str, *, stable: bool = True) -> Iterator[Consumer]:
        """A client for the group's coordinator, kept for the next call: to make one takes some 50 ms."""
        consumer = self._consumers.pop((group, stable), None)
        if consumer is None:
            isolation = "read_committed" if stable else "read_uncommitted"
            mine: Options = {"group.id": group, "enable.auto.commit": False, "isolation.level": isolation}
            consumer = Consumer({**self._options, **mine})
        try:
            yield consumer
        except KafkaException as problem:
            consumer.close()
            raise family(problem, doing) from problem
        self._consumers[group, stable] = consumer

    def close(self) -> None:
        """The rest goes with its object."""
        while self._consumers:
            self._consumers.popitem()[1].close()


def _answer(future: Future[Any], doing: str, unless: int | None = None) -> Any:
    """What was asked for; None where the broker answers with the error `unless`.

    `result()` would raise the future's own error, which would then hold the frames that hold the future, and the client
    with its threads until garbage is collected; and it comes with frames of the client that hold the future.
    """
    problem = future.exception()
    if not isinstance(problem, KafkaException):
        return future.result()
    if kafka_error(problem).code() == unless:
        return None
    raise family(problem, doing) from problem.with_traceback(None)


def _committed(answer: TopicPartition) -> Committed | None:
    return None if answer.offset == NO_OFFSET else Committed(answer.offset, answer.metadata or "")
