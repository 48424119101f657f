"""Three brokers, killed and brought back under a daemon that goes on."""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field
from pathlib import Path

from confluent_kafka.admin import AdminClient

from tests.brokers.witness import Witness
from tests.kafka import server

BROKERS = (1, 2, 3)
HEAP = "256m"
PROPERTIES = {"min.insync.replicas": "2"}
_TRANSACTION_PARTITIONS = 4
ROUNDS = ("coordinator", "all", "one", "two", "all_at_length", "rolling")


@dataclass(slots=True)
class Round:
    """`resumed_s`: from the moment all brokers answered to the first record taken in."""

    kind: str
    outage_s: float
    resumed_s: float
    memory_mb: float


@dataclass(slots=True)
class Result:
    rounds: list[Round] = field(default_factory=list)
    memory_before_mb: float = 0.0
    events: int = 0
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)


class Cluster:
    """A cluster and a daemon with two shards on it, in `folder`."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._kafka, self._rng = folder / "kafka", random.Random(seed)
        self._servers = server.start(self._kafka, brokers=len(BROKERS), heap=HEAP, properties=PROPERTIES)
        self.result = Result()
        try:
            self.witness = Witness(self._servers, folder)
        except BaseException:
            server.stop(self._kafka)
            raise

    def run(self, kinds: list[str], outage_s: float) -> Result:
        begun, witness = time.monotonic(), self.witness
        try:
            witness.start()
            witness.until(lambda: witness.health()[0] == 200, 240)
            witness.feed_on()
            witness.until_seen(500)
            self.result.memory_before_mb = witness.memory_mb()
            for kind in kinds:
                self._round(kind, outage_s)
            witness.feed_no_more()
            self.result.faults += witness.verdict()
        finally:
            self.end()
        self.result.events, self.result.seconds = witness.sent, time.monotonic() - begun
        return self.result

    def _round(self, kind: str, outage_s: float) -> None:
        workers = self.witness.workers()
        outage_s *= 4 if kind == "all_at_length" else 1
        begun, memory = time.monotonic(), 0.0
        for victims in self._victims(kind):
            for number in victims:
                server.kill(self._kafka, number)
            until = time.monotonic() + outage_s
            while time.monotonic() < until:
                memory = max(memory, self.witness.memory_mb())
                time.sleep(0.5)
            for number in victims:
                server.revive(self._kafka, number, heap=HEAP)
            self._wait_for_all()
        outage_s = time.monotonic() - begun
        resumed_s = self.witness.until_seen(self.witness.seen())
        memory = max(memory, self.witness.memory_mb())
        self.result.rounds.append(Round(kind, round(outage_s, 1), round(resumed_s, 1), round(memory)))
        if self.witness.workers() != workers:
            self.result.faults.append(f"{kind}: the workers are others than before")

    def _victims(self, kind: str) -> list[tuple[int, ...]]:
        """Who is killed together; one group after the other."""
        match kind:
            case "coordinator":
                return [(self.coordinator(f"{self.witness.name}.0"),)]
            case "one":
                return [(self._rng.choice(BROKERS),)]
            case "two":
                return [tuple(self._rng.sample(BROKERS, 2))]
            case "rolling":
                return [(number,) for number in BROKERS]
            case _:
                return [BROKERS]

    def coordinator(self, transactional_id: str) -> int:
        """The broker that leads the transactions of an id."""
        topic = AdminClient({"bootstrap.servers": self._servers}).list_topics("__transaction_state", 30)
        hashed = 0
        for character in transactional_id:
            hashed = (31 * hashed + ord(character)) & 0xFFFFFFFF
        partitions = topic.topics["__transaction_state"].partitions
        return int(partitions[(hashed & 0x7FFFFFFF) % _TRANSACTION_PARTITIONS].leader)

    def _wait_for_all(self) -> None:
        admin = AdminClient({"bootstrap.servers": self._servers, "log_level": 2, "error_cb": lambda error: None})
        deadline = time.monotonic() + 180
        while time.monotonic() < deadline:
            try:
                if len(admin.list_topics(timeout=2).brokers) == len(BROKERS):
                    return
            except Exception:  # none answers yet
                time.sleep(0.2)
        raise AssertionError("the brokers did not come back")

    def end(self) -> None:
        self.witness.end()
        server.stop(self._kafka)
