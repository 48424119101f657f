"""A daemon of which every event wants an alert and a place in a KPI, exactly once; and its feeder."""

from __future__ import annotations

import contextlib
import json
import threading
import time
from collections import Counter
from pathlib import Path
from typing import Any

from confluent_kafka import KafkaException, Producer

from streamwatchd.errors import Unavailable
from tests.kafka.site import SOURCE_PARTITIONS, START_MS, Site

RULES = {
    "counts.yaml": "source: events\nrules:\n  - kpi: counts\n    by: k\n    every: 1s\n    values: {n: count()}\n",
    "seen.yaml": "source: events\nrules:\n  - alarm: seen\n    when: n >= 0\n    message: 'event {n}'\n",
}
"""Alerts come of the partition itself, rows of the KPI over the exchange: what tears an epoch shows in one of them."""
BAD_NEWS = ("worker_crashed", "worker_refused", "worker_fenced", "worker_lost", "worker_hung", "worker_given_up")
STEP_MS = 10


class FeederBroke(Exception):
    """The client that feeds gave up for good, so that nobody knows what is in the topic: the run shows nothing."""


class Witness(Site):
    """Fed by a producer that never sends twice, and goes on whatever the brokers do, as far as librdkafka can."""

    def __init__(self, servers: str, folder: Path, **settings: Any) -> None:
        super().__init__(servers, folder, **settings)
        self.write(RULES, servers)
        self._producer = Producer(
            {"bootstrap.servers": servers, "enable.idempotence": True, "message.timeout.ms": 0, "client.id": "feeder",
             "linger.ms": 5, "log_level": 2, "reconnect.backoff.max.ms": 1_000, "error_cb": lambda error: None}
        )  # fmt: skip
        self._over = threading.Event()
        self._feeding: threading.Thread | None = None
        self._broke: Exception | None = None

    def feed_on(self, count: int = 20, pause_s: float = 0.05) -> None:
        """Some events now and again, in a thread, until `feed_no_more`."""

        def run() -> None:
            try:
                while not self._over.wait(pause_s):
                    for _ in range(count):
                        self._feed_one()
            except (KafkaException, SystemError) as error:
                self._broke = error

        self._over.clear()
        self._feeding = threading.Thread(target=run, daemon=True)
        self._feeding.start()

    def _feed_one(self) -> None:
        n = self.sent
        value = json.dumps({"t": START_MS + STEP_MS * n, "k": f"k{n % 3}", "n": n}).encode()
        while True:
            try:
                self._producer.produce(self.topic, value, partition=n % SOURCE_PARTITIONS)
                break
            except BufferError:
                self._producer.poll(0.1)
        self._producer.poll(0)
        self.sent = n + 1

    def feed_no_more(self, seconds: float = 300.0) -> None:
        """Every event that was fed is in its topic when this returns. Raises FeederBroke."""
        self._over.set()
        if self._feeding is not None:
            self._feeding.join()
        if self._broke is None:
            try:
                assert self._producer.flush(seconds) == 0
            except (KafkaException, SystemError) as error:  # the latter is how a fatal one comes through a callback
                self._broke = error
        if self._broke is not None:
            raise FeederBroke(f"{self._broke.__cause__ or self._broke}") from self._broke

    def seen(self) -> float:
        """Records that the workers that are up have taken in since their start."""
        with contextlib.suppress(OSError):
            return self.metric("streamwatchd_records_total")
        return 0.0

    def memory_mb(self) -> float:
        """Resident memory of supervisor and workers."""
        assert self.process is not None
        total = 0
        for pid in (self.process.pid, *self.workers()):
            with contextlib.suppress(OSError):
                status = Path(f"/proc/{pid}/status").read_text()
                total += sum(int(line.split()[1]) for line in status.splitlines() if line.startswith("VmRSS"))
        return total / 1024

    def until_seen(self, before: float, seconds: float = 180.0) -> float:
        """Seconds until records were taken in again."""
        begun = time.monotonic()
        self.until(lambda: self.seen() > before, seconds)
        return time.monotonic() - begun

    def verdict(self, seconds: float = 240.0) -> list[str]:
        """What was lost or doubled of all that was fed, once everything is through; empty where nothing was."""
        self.finish()
        with contextlib.suppress(AssertionError):
            self.until(self._is_complete, seconds)
        faults = [f"{name}: {line.get('reason') or line}" for name in BAD_NEWS for line in self.logged(name)]
        alerts = Counter(alert["message"] for alert in self.output("alerts"))
        wanted = {f"event {n}" for n in range(self.sent)}
        for what, found in (("lost", wanted - alerts.keys()), ("never fed", alerts.keys() - wanted)):
            faults += [f"{len(found)} alerts {what}, such as {min(found)}"] if found else []
        doubled = [name for name, count in alerts.items() if count > 1]
        faults += [f"{len(doubled)} alerts doubled, such as {doubled[0]}"] if doubled else []
        rows = [row for row, count in self.windows().items() if count > 1]
        faults += [f"{len(rows)} rows doubled, such as {rows[0]}"] if rows else []
        if self._counted() != self.sent:
            faults.append(f"{self._counted()} events are in KPI rows, {self.sent} were fed")
        return faults

    def finish(self) -> None:
        """Every window of what was fed is closed."""
        end_ms = START_MS + STEP_MS * self.sent + 60_000
        for number in range(SOURCE_PARTITIONS):
            self._producer.produce(self.topic, json.dumps({"t": end_ms, "k": "end"}).encode(), partition=number)
        assert self._producer.flush(300) == 0

    def _is_complete(self) -> bool:
        """Brokers that were just killed may not answer yet."""
        try:
            return self._counted() >= self.sent and len(self.output("alerts")) >= self.sent
        except Unavailable:
            return False

    def _counted(self) -> int:
        return sum(row["values"]["n"] for row in self.kpis())
