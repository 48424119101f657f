"""A worker is killed while it knows many keys: when is it back, and what do the others notice?

    python -m benchmarks.recovery.run [--keys 1000000] [--rate 10000] [--kafka host:port]

Two shards; every key has a window that slides and an alarm that waits; 1 event in 100 is an alert at once, whose way
from produce() to a read_committed consumer is measured. After a while one worker gets SIGKILL in the middle of a
transaction that has alerts. At the end the daemon is stopped and started again.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import signal
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import msgspec
import numpy as np
from confluent_kafka import Producer

from benchmarks.latency.listener import Listener, first_heard
from benchmarks.latency.run import DRAIN_SECONDS, until_ready
from benchmarks.latency.traffic import EVERY, Offered, lines, offer, put
from benchmarks.measure import Program, put_first
from benchmarks.ref1 import topics
from benchmarks.ref1.contestants import PARTITIONS, ROOT
from benchmarks.ref1.deployment import Deployment, deploy
from benchmarks.ref1.run import broker, say
from streamwatchd.ports.kafka import Partition
from streamwatchd.ports.librdkafka import Librdkafka
from streamwatchd.ports.murmur2 import partition_of
from streamwatchd.shard.assignor import owner

SHARDS = 2
WARM_SECONDS, BEFORE_SECONDS, AFTER_SECONDS = 6.0, 20.0, 20.0
VICTIM = 0
POOL = 200_000
KEYS = 'streamwatchd_keys{by="host",stage="1"}'
FILL_SECONDS = 240.0
BACK_MS = 250.0
STOP_SECONDS, HELD_SECONDS = 15.0, 0.05
Latencies = list[tuple[float, float]]
"""(sent, ms until heard)."""


@dataclass(slots=True)
class Story:
    """All instants in seconds since the epoch."""

    cold_start_s: float = 0.0
    killed: float = 0.0
    epochs: list[tuple[int, float]] = field(default_factory=list)
    warm_start_s: float = 0.0
    before: Mapping[str, float] = field(default_factory=dict)
    latencies: dict[int, Latencies] = field(default_factory=dict)


def shard_of_epoch(key: bytes, _: bytes) -> int | None:
    """None for what is no epoch."""
    return int(key) if key.isdigit() else None


def fill(bootstrap: str, topic: str, keys: int, ours: Deployment) -> None:
    """One event of each key; returns when the daemon knows them all."""
    producer = Producer({"bootstrap.servers": bootstrap, "compression.type": "lz4", "partitioner": "murmur2_random"})
    pool = lines(count=20_000)
    for number in range(keys):
        host, (_, rest) = f"srv-{number:05d}", pool[number % len(pool)]
        rest = f'"host":"{host}"' + rest[rest.index(",") :]
        put(producer, topic, f'{{"ts":{int(time.time() * 1000)},{rest}', host)
    producer.flush()
    until = time.time() + FILL_SECONDS
    while (known := ours.sums().get(KEYS, 0.0)) < keys:
        if time.time() > until or "file_refused" in ours.log.read_text(encoding="utf-8"):
            raise RuntimeError(f"only {known:,.0f} of {keys:,} keys are known; see {ours.log}")
        time.sleep(0.2)


def pid_of(ours: Deployment, shard: int) -> int:
    """Of the worker that was started last for `shard`, from the daemon's log."""
    said = [json.loads(line) for line in ours.log.read_text(encoding="utf-8").splitlines() if line.startswith("{")]
    return int([each["pid"] for each in said if each.get("event") == "worker_started" and each["shard"] == shard][-1])


def kill_later(bootstrap: str, ours: Deployment, story: Story, after_s: float) -> threading.Thread:
    def run() -> None:
        time.sleep(after_s)
        story.before = ours.sums()
        pid = pid_of(ours, VICTIM)
        stop_in_transaction(bootstrap, Partition(ours.alerts, 0), pid)
        story.killed = time.time()
        os.kill(pid, signal.SIGKILL)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


def stop_in_transaction(bootstrap: str, alerts: Partition, pid: int) -> None:
    """Suspend the worker where its open transaction holds back the alerts that others commit."""
    admin = Librdkafka({"bootstrap.servers": bootstrap}).admin()

    def hidden() -> int | None:
        """The last stable offset, where something lies behind it."""
        stable = admin.end_offsets([alerts], read_committed=True)[alerts]
        return stable if stable < admin.end_offsets([alerts])[alerts] else None

    until = time.time() + STOP_SECONDS
    while time.time() < until:
        os.kill(pid, signal.SIGSTOP)
        if (first := hidden()) is not None:
            time.sleep(HELD_SECONDS)
            if hidden() == first:
                admin.close()
                return
        os.kill(pid, signal.SIGCONT)
        time.sleep(random.uniform(0.01, 0.05))
    raise RuntimeError(f"worker {pid} had no transaction with alerts open in {STOP_SECONDS:.0f} s")


def tell(bootstrap: str, work: Path, keys: int, rate: int) -> Story:
    topic = f"recovery-{time.strftime('%H%M%S')}"
    ours = deploy(work, bootstrap, topic, None, project=Path(__file__).parent / "project")
    topics.create(bootstrap, {topic: PARTITIONS, ours.alerts: 1, ours.kpis: 1, ours.journal: 1})
    story, pool = Story(), lines(hosts=keys, count=POOL)
    environment = {"POLARS_MAX_THREADS": "1"}
    with Program(ours.command, ours.log, environment) as program:
        story.cold_start_s = until_ready(ours, program)
        say(f"filling {keys:,} keys")
        fill(bootstrap, topic, keys, ours)
        with Listener(bootstrap, ours.alerts) as alerts, Listener(bootstrap, ours.journal, shard_of_epoch) as journal:
            killer = kill_later(bootstrap, ours, story, WARM_SECONDS + BEFORE_SECONDS)
            offered = offer(bootstrap, topic, rate, WARM_SECONDS, BEFORE_SECONDS + AFTER_SECONDS, pool)
            killer.join()
            time.sleep(DRAIN_SECONDS)
            story.latencies = by_shard(offered, first_heard(alerts.heard()), pool, topic)
            story.epochs = journal.heard()
    with Program(ours.command, ours.log, environment) as program:
        story.warm_start_s = until_ready(ours, program)
    return story


def by_shard(
    offered: Offered, heard: Mapping[int, float], pool: Sequence[tuple[str, str]], topic: str
) -> dict[int, Latencies]:
    """Every measured alert by the shard that its host's partition belongs to; infinite where it never came."""
    found: dict[int, Latencies] = {shard: [] for shard in range(SHARDS)}
    for number in offered.wanted():
        host, sent = pool[number * EVERY % len(pool)][0], offered.sent[number]
        shard = owner(topic, partition_of(host.encode(), PARTITIONS), SHARDS)
        found[shard].append((sent, 1000 * (heard.get(number, float("inf")) - sent)))
    return found


def figures(latencies: Latencies, since: float, until: float) -> str:
    late = [ms for sent, ms in latencies if since <= sent < until] or [float("nan")]
    p50, p99, most = np.percentile(late, [50, 99, 100]).tolist()
    return f"{p50:.0f} | {p99:.0f} | {most:.0f}"


def told(story: Story, keys: int) -> Iterator[str]:
    """A Markdown report."""
    killed, victim = story.killed, story.latencies[VICTIM]
    back = next((at for shard, at in story.epochs if shard == VICTIM and at > killed + 0.1), float("nan"))
    quick = next((sent for sent, ms in victim if sent > killed and ms <= BACK_MS), float("nan"))
    missing = sum(ms == float("inf") for each in story.latencies.values() for _, ms in each)
    yield "| | |"
    yield "|---|---:|"
    yield f"| keys | {keys:,} |"
    yield f"| SIGKILL to the worker's first new committed epoch | {back - killed:.2f} s |"
    yield f"| SIGKILL to an event whose alert takes less than {BACK_MS:.0f} ms again | {quick - killed:.2f} s |"
    yield f"| alerts missing | {missing} |"
    yield f"| start without state, to a worker at work | {story.cold_start_s:.2f} s |"
    yield f"| start with that state | {story.warm_start_s:.2f} s |"
    for name, label, scale in (
        ("snapshot_copy_seconds", "pause of the evaluation by a snapshot, both workers, ms", 1000 / SHARDS),
        ("snapshot_write_seconds", "writing of a snapshot beside the work, ms", 1000 / SHARDS),
        ("snapshot_bytes", "state in the snapshots, bytes a key", 1 / keys),
    ):
        yield f"| {label} | {story.before.get(f'streamwatchd_{name}{{}}', 0.0) * scale:,.0f} |"
    yield ""
    yield "| produce to committed alert | p50 ms | p99 ms | max ms |"
    yield "|---|---:|---:|---:|"
    for shard, latencies in story.latencies.items():
        whose = "the killed worker" if shard == VICTIM else "the other worker"
        yield f"| {whose}, {BEFORE_SECONDS:.0f} s before | {figures(latencies, killed - BEFORE_SECONDS, killed - 1)} |"
        yield f"| {whose}, 10 s from the kill on | {figures(latencies, killed - 1, killed + 10)} |"
        yield f"| {whose}, afterwards | {figures(latencies, killed + 10, killed + AFTER_SECONDS)} |"


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.recovery.run", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--keys", type=int, default=1_000_000)
    parser.add_argument("--rate", type=int, default=10_000, help="events a second while the worker is killed")
    parser.add_argument("--kafka", help="host:port of a real broker; one is started when none is named")
    parser.add_argument(
        "--work", type=Path, default=ROOT / "build" / "bench-recovery", help="logs and the broker's files"
    )
    return parser.parse_args(given)


def main(given: Sequence[str] | None = None) -> int:
    options = arguments(given)
    put_first(os.getpid())
    work = options.work / time.strftime("%Y%m%d-%H%M%S")
    work.mkdir(parents=True)
    with broker(options.kafka, options.work) as bootstrap:
        story = tell(bootstrap, work, options.keys, options.rate)
    (work / "story.json").write_bytes(msgspec.json.encode(story))
    print("\n".join(told(story, options.keys)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
