"""Events at a fixed rate, stamped with the present time; one in 100 is an alert at once, by the job's rule `slow_500`.

Such an event carries its number in `latency_ms`, so that its alert can be told from all others.
"""

from __future__ import annotations

import random
import time
from dataclasses import dataclass, field

from confluent_kafka import Producer

HOSTS = 10_000
EVERY = 100
TICK_SECONDS = 0.005
LINES = 20_000
LIMIT_MS = 500.0  # above what the rule asks for


@dataclass(slots=True)
class Offered:
    """What was produced. `sent`: when, seconds since the epoch, by number of the alert; the warm-up's ones as well."""

    measured_from: float
    sent: dict[int, float] = field(default_factory=dict)
    rate: float = 0.0
    behind_ms: float = 0.0
    ended: float = 0.0

    def wanted(self) -> list[int]:
        return [number for number, at in self.sent.items() if at >= self.measured_from]


def number_of(latency_ms: float) -> int:
    return round((latency_ms - LIMIT_MS) * 1000)


def lines(hosts: int = HOSTS, count: int = LINES, seed: int = 5) -> list[tuple[str, str]]:
    """(host, all of an event but its time) of harmless events."""
    rng = random.Random(seed)
    found = []
    for _ in range(count):
        host, status = f"srv-{rng.randrange(hosts):05d}", rng.choice((200, 200, 200, 404))
        rest = (
            f'"host":"{host}","service":"svc-{rng.randrange(50):02d}","cpu":{rng.uniform(0, 100):.2f},'
            f'"mem":{rng.uniform(0, 100):.2f},"latency_ms":{rng.uniform(1, 390):.3f},"status":{status},'
            f'"bytes":{rng.randrange(50_000)},"source":"app-logs"}}'
        )
        found.append((host, rest))
    return found


def alarming(host: str, number: int) -> str:
    return (
        f'"host":"{host}","service":"svc-07","cpu":50.0,"mem":50.0,"latency_ms":{LIMIT_MS + number / 1000:.3f},'
        '"status":500,"bytes":1,"source":"app-logs"}'
    )


def offer(bootstrap: str, topic: str, rate: int, warm_s: float, seconds: float, pool: list[tuple[str, str]]) -> Offered:
    """Produce for `warm_s + seconds`, in ticks of 5 ms, lingering for 1 ms; returns when all is acknowledged."""
    producer = Producer(
        {
            "bootstrap.servers": bootstrap, "linger.ms": 1, "compression.type": "lz4", "partitioner": "murmur2_random",
        }
    )  # fmt: skip
    count, begun = 0, time.time()
    offered = Offered(begun + warm_s)
    end = begun + warm_s + seconds
    while (now := time.time()) < end:
        due = int((now - begun) * rate)
        if now >= offered.measured_from:
            offered.behind_ms = max(offered.behind_ms, (due - count) / rate * 1000)
        for number in range(count, due):
            host, rest = pool[number % len(pool)]
            at = time.time()
            if number % EVERY == 0:
                offered.sent[number // EVERY] = at
                rest = alarming(host, number // EVERY)
            put(producer, topic, f'{{"ts":{int(at * 1000)},{rest}', host)
        count = due
        producer.poll(0)
        time.sleep(TICK_SECONDS)
    producer.flush()
    offered.ended = time.time()
    offered.rate = count / (offered.ended - begun)
    return offered


def put(producer: Producer, topic: str, value: str, key: str) -> None:
    """Produce, and wait where the queue is full: the broker is behind then, and so is the offer (`behind_ms`)."""
    while True:
        try:
            producer.produce(topic, value, key)
            return
        except BufferError:
            producer.poll(0.01)
