"""The Kafka port on confluent-kafka (librdkafka 2.16): `Librdkafka` opens readers, writers and admins."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from streamwatchd.ports.librdkafka.admin import LibrdkafkaAdmin
from streamwatchd.ports.librdkafka.reader import LibrdkafkaReader
from streamwatchd.ports.librdkafka.writer import LibrdkafkaPlainWriter, LibrdkafkaWriter, fence, open_writer

__all__ = ["Librdkafka"]


@dataclass(frozen=True, slots=True)
class Librdkafka:
    """One cluster. `options` are librdkafka's, `bootstrap.servers` at least; they win over this module's tuning.

    `creates_topics` is False on a cluster that knows no CreateTopics (librdkafka's mock): there topics come to be when
    they are first named, with the cluster's own partition count. An admin's call gives up after `patience_s`.
    """

    options: Mapping[str, str | int | float | bool] = field(default_factory=dict)
    creates_topics: bool = True
    patience_s: float = 10.0

    def reader(self, *, read_committed: bool = True) -> LibrdkafkaReader:
        return LibrdkafkaReader(self.options, read_committed=read_committed)

    def writer(self, transactional_id: str) -> LibrdkafkaWriter:
        return open_writer(self.options, transactional_id)

    def fence(self, transactional_id: str) -> None:
        fence(self.options, transactional_id)

    def plain_writer(self) -> LibrdkafkaPlainWriter:
        return LibrdkafkaPlainWriter(self.options)

    def admin(self) -> LibrdkafkaAdmin:
        return LibrdkafkaAdmin(self.options, creates_topics=self.creates_topics, patience_s=self.patience_s)
