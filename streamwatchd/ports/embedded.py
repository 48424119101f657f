"""A broker inside this process: librdkafka's mock cluster, for the demo and for quick tests without Java."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType

from confluent_kafka import Producer

from streamwatchd.ports.kafka import Committed, Outcome, Partition
from streamwatchd.ports.librdkafka import Librdkafka
from streamwatchd.ports.librdkafka.admin import LibrdkafkaAdmin
from streamwatchd.ports.librdkafka.errors import Options
from streamwatchd.ports.librdkafka.writer import LibrdkafkaWriter


class EmbeddedBroker:
    """Answers on a port of the loopback until it is closed; other processes of this machine may use it.

        with EmbeddedBroker() as broker:
            kafka = broker.kafka()

    It is no real Kafka: everything is in memory, a partition keeps about its last 5 MB, a topic comes to be with
    `PARTITIONS` partitions when it is first named, and there are no CreateTopics and no topic ids. Transactions are
    acted rather than kept: an aborted record can be read, and a kill between two steps can double or lose.
    tests/contracts/test_kafka_port.py says which promises hold.
    """

    PARTITIONS = 4

    def __init__(self, brokers: int = 1) -> None:
        self._producer: Producer | None = Producer(
            {"bootstrap.servers": "embedded", "test.mock.num.brokers": brokers, "log_level": 2}
        )
        known = self._producer.list_topics(timeout=10).brokers.values()
        self.bootstrap = ",".join(f"{each.host}:{each.port}" for each in known)

    def kafka(self) -> EmbeddedKafka:
        return EmbeddedKafka({"bootstrap.servers": self.bootstrap})

    def close(self) -> None:
        self._producer = None

    def __enter__(self) -> EmbeddedBroker:
        return self

    def __exit__(self, *_: type[BaseException] | BaseException | TracebackType | None) -> None:
        self.close()


class EmbeddedKafka(Librdkafka):
    """The port for an embedded broker, in its own process or in another one."""

    def __init__(self, options: Options) -> None:
        # The mock writes control records with a checksum of 0.
        super().__init__({**options, "check.crcs": False}, creates_topics=False)

    def writer(self, transactional_id: str) -> LibrdkafkaWriter:
        return _EmbeddedWriter(self.options, transactional_id, self.admin())


class _EmbeddedWriter(LibrdkafkaWriter):
    """The mock accepts a transaction's offsets and forgets them: commit them once more, outside of it."""

    def __init__(self, options: Options, transactional_id: str, admin: LibrdkafkaAdmin) -> None:
        self._admin = admin
        self._offsets: dict[str, Mapping[Partition, Committed]] = {}
        super().__init__(options, transactional_id)

    def send_offsets(self, group: str, positions: Mapping[Partition, Committed]) -> None:
        super().send_offsets(group, positions)
        self._offsets[group] = {**self._offsets.get(group, {}), **positions}

    def commit(self, timeout_s: float) -> Outcome:
        outcome = super().commit(timeout_s)
        offsets, self._offsets = self._offsets, {}
        if outcome is Outcome.COMMITTED:
            for group, positions in offsets.items():
                self._admin.commit(group, positions)
        return outcome

    def abort(self, timeout_s: float) -> Outcome:
        self._offsets = {}
        return super().abort(timeout_s)
