"""What the daemon puts out, read from its output topics as any consumer would."""

from __future__ import annotations

from collections import Counter
from typing import Any

import msgspec

from streamwatchd.batch import RawBatch
from streamwatchd.demo.verdict import BEGINS, at_ms
from streamwatchd.ports.kafka import Admin, Partition, Reader
from streamwatchd.settings import Topics

Document = dict[str, Any]
_MOST = 10_000


class Outputs:
    """All alerts and KPI rows so far, the alarms as they stand, and how many records were late or bad.

    A row of a KPI's window that comes twice (a revision, a replay) replaces the one before.
    """

    def __init__(self, reader: Reader, admin: Admin, topics: Topics) -> None:
        self._reader = reader
        self._topics = topics
        self.alerts: list[Document] = []
        self.kpis: dict[tuple[str, str, str], Document] = {}
        self.alarms: dict[str, Document] = {}
        self.counts: Counter[str] = Counter()
        named = (topics.alerts, topics.kpis, topics.late, topics.dead_letters)
        counts = admin.partitions_of(named)
        reader.assign({Partition(topic, number): 0 for topic in named for number in range(counts[topic])})

    def poll(self, timeout_s: float) -> list[Document]:
        """The alerts that came since the last call."""
        fresh = [alert for batch in self._reader.take(_MOST, timeout_s).batches for alert in self._taken(batch)]
        self.alerts += fresh
        return fresh

    def _taken(self, batch: RawBatch) -> list[Document]:
        self.counts[batch.topic] += len(batch)
        if batch.topic == self._topics.alerts:
            return [self._alert(msgspec.json.decode(payload)) for payload in batch.payloads if payload]
        if batch.topic == self._topics.kpis:
            for payload in filter(None, batch.payloads):
                self._row(msgspec.json.decode(payload))
        return []

    def _alert(self, alert: Document) -> Document:
        self.alarms[alert["id"]] = alert
        return alert

    def _row(self, row: Document) -> None:
        self.kpis[row["kpi"], msgspec.json.encode(row["key"], order="sorted").decode(), row["window"]["end"]] = row

    def late(self) -> int:
        return self.counts[self._topics.late]

    def dead_letters(self) -> int:
        return self.counts[self._topics.dead_letters]

    def total(self) -> int:
        return self.counts.total()

    def begun(self) -> int:
        return sum(alert["event"] in BEGINS for alert in self.alerts)

    def newest(self, kpi: str) -> dict[str, Document]:
        """The newest window's rows of a KPI by the text of their (single) key."""
        rows = [row for (name, _, _), row in self.kpis.items() if name == kpi]
        last = max((row["window"]["end"] for row in rows), default="")
        return {" ".join(map(str, row["key"].values())): row for row in rows if row["window"]["end"] == last}

    def event_ms(self) -> int | None:
        """How far the answers have come in event time."""
        return max((at_ms(end) for _, _, end in self.kpis), default=None)
