"""The traffic onto Kafka: at the pace of a film played too fast, or all at once."""

from __future__ import annotations

from collections.abc import Iterator

from streamwatchd.demo.traffic import Records, Traffic
from streamwatchd.ports.kafka import PlainWriter, Record

PARTITIONS = 4
FLUSH_SECONDS = 30.0


class Feed:
    """Sends records in order of arrival; record timestamps are arrival times. `topics` maps sources to topics."""

    def __init__(self, traffic: Traffic, writer: PlainWriter, topics: dict[str, str]) -> None:
        self._traffic = traffic
        self._writer = writer
        self._topics = topics
        self._left = iter(traffic)
        self._next = next(self._left, None)
        self.sent = 0
        self.at_ms = traffic.shape.start_ms

    @property
    def done(self) -> bool:
        return self._next is None

    def up_to(self, arrival_ms: int) -> None:
        """Send what has arrived by then. Raises Unavailable when the broker takes no more."""
        self._writer.send(self._due(arrival_ms))
        self.at_ms = min(arrival_ms, self._traffic.shape.end_ms)

    def finish(self) -> None:
        """Send all the rest and wait until every record is acknowledged."""
        self._writer.send(self._due(None))
        self._writer.flush(FLUSH_SECONDS)
        self.at_ms = self._traffic.shape.end_ms

    def _due(self, arrival_ms: int | None) -> Iterator[Record]:
        while self._next is not None:
            records, row = self._next
            at = int(records.arrival_ms[row])
            if arrival_ms is not None and at > arrival_ms:
                return
            yield self._record(records, row, at)
            self.sent += 1
            self._next = next(self._left, None)

    def _record(self, records: Records, row: int, at_ms: int) -> Record:
        return Record(self._topics[records.kind.name], records.payloads[row], records.keys[row], timestamp_ms=at_ms)
