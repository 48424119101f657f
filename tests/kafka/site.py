"""A project, its topics on a real Kafka, and the daemon that runs it."""

from __future__ import annotations

import json
import uuid
from collections import Counter
from pathlib import Path
from typing import Any

from streamwatchd.ports.kafka import NewTopic, Record
from streamwatchd.ports.librdkafka import Librdkafka
from tests.daemon.project import write_project
from tests.kafka.process import Process, free_port, read_topic

START_MS = 1_767_571_200_000
SOURCE_PARTITIONS = 4
WINDOW_MS = 10_000
LARGEST_BYTES = 12 << 20
"""What the input topic takes."""
COUNTS = """
source: events
rules:
  - kpi: counts
    by: k
    every: 10s
    values: {n: count()}
"""


class Site(Process):
    """Three keys' events are counted; `source` is more text for the source, such as `fields: {…}`.

    `name` is that of the application and begins the names of its topics.
    """

    def __init__(
        self, servers: str, folder: Path, *, create: bool = True, source: str = "", name: str = "", **settings: Any
    ) -> None:
        self.name = name or f"t{uuid.uuid4().hex[:10]}"
        self.folder = folder
        self.kafka = Librdkafka({"bootstrap.servers": servers})
        self.topic = f"{self.name}.in"
        super().__init__(folder / "streamwatchd.yaml", free_port(), folder / "log")
        self.source = source
        if create:
            self.create_topic()
        topics = {
            name: f"{self.name}.{name}"
            for name in (
                "alerts",
                "kpis",
                "anomalies",
                "late",
                "shadow",
                "dead_letters",
                "exchange",
                "journal",
                "self_alerts",
                "heartbeat",
            )
        }
        given = {"app": self.name, "topics": json.dumps(topics), "listen": f"'127.0.0.1:{self.port}'", "shards": 2}
        self.settings = {**given, "snapshot_every": "1s", "commit_every": "100ms", **settings}
        self.write({"counts.yaml": COUNTS}, servers)
        self.sent = 0
        self.partitions = SOURCE_PARTITIONS

    def write(self, rules: dict[str, str], servers: str) -> None:
        self.config = write_project(self.folder, rules, servers, self.topic, source=self.source, **self.settings)

    def create_topic(self) -> None:
        admin = self.kafka.admin()
        admin.ensure_topics([NewTopic(self.topic, SOURCE_PARTITIONS, {"max.message.bytes": str(LARGEST_BYTES)})])
        admin.close()

    # records

    def feed(self, count: int, **fields: Any) -> None:
        """Events of three keys over all partitions, 10 ms apart."""
        writer = self.kafka.plain_writer()
        writer.send(self._record(self.sent + n, fields) for n in range(count))
        writer.flush(30)
        writer.close()
        self.sent += count

    def _record(self, n: int, fields: dict[str, Any]) -> Record:
        event = {"t": START_MS + 10 * n, "k": f"k{n % 3}", **fields}
        return Record(self.topic, json.dumps(event).encode(), partition=n % self.partitions)

    def finish(self) -> None:
        """Events so much later that every window of what was fed before is closed."""
        writer = self.kafka.plain_writer()
        late = {"t": START_MS + 10 * self.sent + 60_000, "k": "end"}
        value = json.dumps(late).encode()
        writer.send(Record(self.topic, value, partition=number) for number in range(self.partitions))
        writer.flush(30)
        writer.close()

    def output(self, which: str) -> list[dict[str, Any]]:
        """All that a read_committed consumer sees in an output topic."""
        batches = read_topic(self.kafka, f"{self.name}.{which}")
        return [json.loads(payload or b"null") for batch in batches for payload in batch.payloads]

    def windows(self) -> Counter[tuple[str, str]]:
        """How often each (key, window) of the KPI was written."""
        return Counter((row["key"]["k"], row["window"]["start"]) for row in self.kpis())

    def kpis(self) -> list[dict[str, Any]]:
        return [row for row in self.output("kpis") if row["key"]["k"] != "end"]

    def until_all_counted(self) -> None:
        """Every event fed is counted in one row of its key and window, and none twice."""
        self.finish()
        self.until(lambda: sum(row["values"]["n"] for row in self.kpis()) >= self.sent)
        assert set(self.windows().values()) == {1}
        assert sum(row["values"]["n"] for row in self.kpis()) == self.sent
