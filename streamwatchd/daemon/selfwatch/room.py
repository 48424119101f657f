"""The watch at work: a thread that looks about once a second, and the post."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass

import msgspec

from streamwatchd.daemon.logs import Log
from streamwatchd.daemon.metrics import Metrics
from streamwatchd.daemon.selfwatch.document import Document, heartbeat, record_key
from streamwatchd.daemon.selfwatch.post import Post
from streamwatchd.daemon.selfwatch.probe import probe
from streamwatchd.daemon.selfwatch.watch import Watch
from streamwatchd.ports.clock import Clock
from streamwatchd.ports.disk import Disk
from streamwatchd.ports.kafka import Kafka, Record
from streamwatchd.settings import Settings

KEPT = "self-alerts.json"
_TURN_S = 1.0
_LEAVE_S = 3.0
_STANDSTILL_S = 30.0


@dataclass(frozen=True, slots=True)
class Signs:
    """Of the supervisor: when its loop last came round (steady clock), and the workers' process ids by shard."""

    alive_at: float
    processes: dict[int, int]


class SelfWatch:
    """`signs` gives None while there is no supervisor yet."""

    def __init__(
        self, settings: Settings, metrics: Metrics, kafka: Kafka, disk: Disk, clock: Clock, log: Log,
        signs: Callable[[], Signs | None], heard: Callable[[Document], None] = lambda document: None,
    ) -> None:  # fmt: skip
        """`heard` hears of every alert as it is told."""
        self._settings, self._metrics, self._clock, self._log, self._signs = settings, metrics, clock, log, signs
        self._heard = heard
        self._watch = Watch(settings.app, settings.self_alerts)
        self._post = Post(kafka, disk, settings.state_dir / KEPT, settings.topics.of_self_alerts, log)
        self._watch.restore(self._post.load())
        self._started_ms = clock.now_ms()
        self._beats, self._next_beat = 0, clock.monotonic()
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="selfwatch", daemon=True)

    def start(self) -> None:
        """Once the topics are there."""
        self._post.start()
        self._thread.start()

    def _run(self) -> None:
        while not self._closed.wait(_TURN_S):
            try:
                self.turn()
            except Exception:  # a bug here must not take the daemon with it
                self._log.error("selfwatch_crashed", exc_info=True)

    def turn(self) -> None:
        """Look, tell, and beat if it is time."""
        signs, now_s, now_ms = self._signs(), self._clock.monotonic(), self._clock.now_ms()
        settings = self._settings
        probe(self._metrics, signs.processes if signs else {}, settings.state_dir, settings.enrichment_dir, now_ms)
        told = self._watch.turn(self._metrics.samples(now_ms), now_s, now_ms)
        for each in told:
            self._say(each)
            self._heard(each)
        if told:
            self._post.put(told, self._watch.state())
        self._metrics.put_all("self_alerts_firing", {(("alert", n),): c for n, c in self._watch.firing.items()})
        self._metrics.put("self_alerts_unwritten", self._post.waiting)
        self._metrics.put("uptime_seconds", (now_ms - self._started_ms) / 1000)
        if now_s >= self._next_beat and settings.topics.of_heartbeat:
            self._next_beat = now_s + settings.self_alerts.heartbeat_every_ms / 1000
            if signs is None or now_s - signs.alive_at < _STANDSTILL_S:
                self._beat(now_ms)

    def _say(self, document: Document) -> None:
        if document["state"] == "resolved":
            self._log.info("self_alert_resolved", alert=document["rule"], key=document["key"])
        else:
            self._log.warning("self_alert_fired", alert=document["rule"], message=document["message"])

    def _beat(self, now_ms: int) -> None:
        samples = self._metrics.samples(now_ms)
        up = [value for (name, _), value in samples.items() if name == "worker_up"]
        lags = [value for (name, _), value in samples.items() if name == "consumer_lag_records"]
        values = {
            "workers": self._settings.shards,
            "workers_up": sum(up),
            "lag_records": sum(lags),
            "self_alerts_firing": sum(self._watch.firing.values()),
        }
        self._beats += 1
        settings = self._settings
        document = heartbeat(settings.app, self._started_ms, self._beats, now_ms, values, settings.owns)
        self._post.beat(Record(settings.topics.of_heartbeat, msgspec.json.encode(document), record_key(document)))

    def close(self) -> None:
        """A last look, so that what ended the daemon is told; for a few seconds at most."""
        self._closed.set()
        if not self._thread.is_alive():
            return
        self._thread.join(_LEAVE_S)
        self.turn()
        self._post.close(_LEAVE_S)
