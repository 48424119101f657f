"""A daemon on a real Kafka over a random project: its own state and outputs, its own inputs or those of another."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping
from pathlib import Path

import msgspec

from streamwatchd.compiler import Compiled, compile_project
from streamwatchd.ports.kafka import NewTopic, Record
from streamwatchd.ports.librdkafka import Librdkafka
from streamwatchd.shard.output import TaskId
from tests.crashloop import project
from tests.crashloop.kafka_log import Journal
from tests.crashloop.loop import OWN_TOPICS, SINKS
from tests.kafka.process import Process, free_port, read_letters
from tests.oracle.compare import Plain, plain_topics
from tests.oracle.random_rules import World


class WorldSite(Process):
    """`inputs` begins the names of the source topics; without one they are made. `settings` go before the usual."""

    def __init__(
        self, servers: str, folder: Path, world: World, *, inputs: str = "", shards: int = 2, **settings: object
    ) -> None:
        self.kafka, self.servers, self.folder = Librdkafka({"bootstrap.servers": servers}), servers, folder
        self.prefix, self.world, self.shards = f"t{uuid.uuid4().hex[:10]}.", world, shards
        self.exchange_partitions = 3
        self.inputs = inputs or self.prefix
        folder.mkdir(parents=True, exist_ok=True)
        super().__init__(folder / "streamwatchd.yaml", free_port(), folder / "log")
        usual = {
            "app": f"{self.prefix}app", "kafka": {"bootstrap.servers": servers}, "shards": shards,
            "listen": f"127.0.0.1:{self.port}", "commit_every": "100ms", "snapshot_every": "1s",
            "exchange_partitions": self.exchange_partitions,
            "topics": {name: self.prefix + name for name in (*SINKS, *OWN_TOPICS)},
        }  # fmt: skip
        project.write_project(folder, self.inputs, world, usual | settings)
        self.counts = project.PARTITIONS | world.partitions
        if not inputs:
            admin = self.kafka.admin()
            admin.ensure_topics(NewTopic(self.prefix + topic, count) for topic, count in self.counts.items())
            admin.close()
        self.journal: Journal | None = None

    def compile(self) -> Compiled:
        """Raises AssertionError with the diagnostics where a file is refused."""
        compiled = compile_project(self.config)
        assert not compiled.loaded.refused, [each.message for each in compiled.loaded.diagnostics if each.is_error]
        return compiled

    def send(self, records: Iterable[Record]) -> None:
        writer = self.kafka.plain_writer()
        writer.send(msgspec.structs.replace(record, topic=self.inputs + record.topic) for record in records)
        writer.flush(30)
        writer.close()

    def is_past(self, settled_ms: int, stages: int) -> bool:
        """Every task is beyond, also behind the exchange: a stop leaves what those have not judged for a restart."""
        if self.journal is None:
            self.journal = Journal(self.kafka, f"{self.prefix}journal")
        self.journal.read()
        last = [records[-1] for records in self.journal.epochs if records]
        return len(last) == self.shards and all(_standing(each.watermarks_ms, stages) >= settled_ms for each in last)

    def outputs(self) -> dict[str, list[Plain]]:
        """All that a read_committed consumer sees."""
        letters = {name: read_letters(self.servers, self.prefix + name) for name in SINKS}
        values = {name: [value or b"" for _, value in letters[name]] for name in SINKS[:4]}
        return plain_topics(values, letters["late"], letters["dead_letters"])


def _standing(watermarks_ms: Mapping[TaskId, int], stages: int) -> int:
    """A task of a stage that is gone stands still."""
    return min(at for task, at in watermarks_ms.items() if task.stage <= stages)
