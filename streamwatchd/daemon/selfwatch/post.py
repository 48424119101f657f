"""Hands self-alerts and heartbeats to Kafka, in a thread, by an idempotent writer of its own.

What Kafka has not taken waits in memory and on disk, so a daemon that ends meanwhile tells it after its next start. A
record may come twice after a failure, with the same `id` and `seq`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec

from streamwatchd.daemon.logs import Log
from streamwatchd.daemon.selfwatch.document import Document, record_key
from streamwatchd.errors import BadRecord, Unavailable
from streamwatchd.ports.disk import Disk
from streamwatchd.ports.kafka import Kafka, PlainWriter, Record

_MOST_WAITING = 1_000
_FLUSH_S = 10.0
_RETRY_S = 5.0
_encode = msgspec.json.Encoder().encode


class Post:
    """`put` never waits. `state` says what fires, to be kept beside what waits."""

    def __init__(self, kafka: Kafka, disk: Disk, path: Path, topic: str, log: Log) -> None:
        self._kafka, self._disk, self._path, self._topic, self._log = kafka, disk, path, topic, log
        self._changed = threading.Condition()
        self._waiting: list[Document] = []
        self._firing: list[Any] = []
        self._beats: list[Record] = []
        self._writer: PlainWriter | None = None
        self._closed = False
        self._failing = False
        self._thread = threading.Thread(target=self._run, name="selfwatch-post", daemon=True)

    @property
    def waiting(self) -> int:
        return len(self._waiting)

    def load(self) -> Sequence[Any]:
        """What fired when the last daemon ended; what it had not told is told now."""
        try:
            kept = msgspec.json.decode(self._disk.read(self._path) or b"{}")
            self._firing, self._waiting = list(kept.get("firing", ())), list(kept.get("waiting", ()))
        except (Unavailable, msgspec.DecodeError, AttributeError, TypeError) as error:
            self._log.warning("self_alerts_forgotten", reason=str(error))
        return self._firing

    def start(self) -> None:
        self._thread.start()

    def put(self, documents: Sequence[Document], firing: list[Any]) -> None:
        with self._changed:
            self._waiting = [*self._waiting, *documents][-_MOST_WAITING:]
            self._firing = firing
            self._changed.notify()

    def beat(self, record: Record) -> None:
        """Only the newest one is worth sending."""
        with self._changed:
            self._beats = [record]
            self._changed.notify()

    def _run(self) -> None:
        while self._await():
            if not self._deliver():
                with self._changed:
                    self._changed.wait_for(lambda: self._closed, _RETRY_S)

    def _await(self) -> bool:
        with self._changed:
            self._changed.wait_for(lambda: self._waiting or self._beats or self._closed)
            return not self._closed

    def _deliver(self) -> bool:
        """Send what waits; False when it could not be."""
        with self._changed:
            alerts, beats = list(self._waiting), list(self._beats)
        records = [Record(self._topic, _encode(each), record_key(each)) for each in alerts] if self._topic else []
        if not self._try(lambda writer: _send(writer, [*records, *beats])):
            return False
        with self._changed:
            self._waiting = [each for each in self._waiting if each not in alerts]
            self._beats = [each for each in self._beats if each not in beats]
        if alerts:
            self._keep()
        return True

    def _try(self, act: Callable[[PlainWriter], None]) -> bool:
        try:
            self._writer = self._writer or self._kafka.plain_writer()
            act(self._writer)
        except (Unavailable, BadRecord) as error:
            if not self._failing:
                self._log.warning("self_alerts_waiting", topic=self._topic, reason=str(error))
            self._failing = True
            if self._writer is not None:
                self._writer.close()
                self._writer = None
            self._keep()
            return False
        self._failing = False
        return True

    def _keep(self) -> None:
        with self._changed:
            data = _encode({"firing": self._firing, "waiting": self._waiting})
        try:
            self._disk.write(self._path, data)
        except Unavailable as error:
            self._log.debug("self_alerts_not_kept", reason=str(error))

    def close(self, timeout_s: float) -> None:
        """Send what waits, if that goes within `timeout_s`."""
        with self._changed:
            self._closed = True
            self._changed.notify()
        self._thread.join(timeout_s)
        if self._thread.is_alive():
            return
        last = threading.Thread(target=self._last, name="selfwatch-last", daemon=True)
        last.start()
        last.join(timeout_s)

    def _last(self) -> None:
        if self._waiting:
            self._deliver()
        if self._writer is not None:
            self._writer.close()


def _send(writer: PlainWriter, records: Sequence[Record]) -> None:
    writer.send(records)
    writer.flush(_FLUSH_S)
