"""What 1 % of poison costs the daemon on a real Kafka: clean and poisoned stretches of one topic by turns, in one run.

usage: python -m benchmarks.load.poison_by_turns [--events N] [--stretches N] [--rounds 10] [--kafka HOST:PORT]

Whole runs one after the other differ by more than what is measured, as the machine's speed drifts. Here the reference
job catches up with a topic in which every second stretch has poison; the journal says when each epoch was sent and what
it took in. How much longer a record takes in poisoned stretches is told by a regression with a trend for each run.
A round is two runs: what is clean in one is poisoned in the other, as what a daemon does now and then (a snapshot, say)
comes at the same time in each. Dead letters and alerts are committed as ever.
"""

from __future__ import annotations

import argparse
import json
import time
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt
from confluent_kafka import Consumer, TopicPartition

from benchmarks.measure import Program
from benchmarks.ref1 import events, topics
from benchmarks.ref1.contestants import PARTITIONS, PATIENCE_SECONDS, ROOT
from benchmarks.ref1.deployment import Deployment, deploy
from benchmarks.ref1.run import broker, say
from streamwatchd.ports.murmur2 import partition_of
from streamwatchd.shard.journal import EpochRecord

SHARE = 0.01
COMMIT_EVERY = "200ms"
"""Epochs much shorter than stretches, so that nearly all lie in one of them. It makes letters dearer, if anything."""
BEGINNING, END = 4, 3
"""Epochs that are left out: the first ones read and compile, the last ones wait for records."""

Floats = npt.NDArray[np.float64]
Ends = Mapping[int, int]
"""Offsets by partition."""
Progress = list[tuple[float, Ends]]
"""When (seconds since the epoch) which offsets were sent, epoch by epoch."""
Phase = Literal[0, 1]
"""Of a topic: which stretches have poison, the second, fourth, … (0) or the first, third, … (1)."""
PHASES: tuple[Phase, Phase] = 0, 1


@dataclass(frozen=True, slots=True)
class Layout:
    """`bounds` are, by partition, the offsets at which stretches begin, and the end."""

    topic: str
    bounds: tuple[tuple[int, ...], ...]
    phase: Phase = 0

    @property
    def length(self) -> int:
        return sum(bounds[-1] for bounds in self.bounds)

    def poisoned(self, ends: Ends) -> float:
        """Records of poisoned stretches before these offsets."""
        total = 0.0
        for partition, offset in ends.items():
            bounds = np.array(self.bounds[partition])
            bad = (np.arange(len(bounds) - 1) + self.phase) % 2
            total += float(np.interp(offset, bounds, np.r_[0, np.cumsum(np.diff(bounds) * bad)]))
        return total


@dataclass(frozen=True, slots=True)
class Epochs:
    """Of one shard in one run: seconds, records and records of poisoned stretches, one an epoch."""

    seconds: Floats
    records: Floats
    poisoned: Floats

    def beside_the_trend(self) -> tuple[Floats, Floats]:
        """Time a record ÷ that of the whole run, and the share of poisoned stretches, both less what goes with the time
        of the run (a parabola): a machine that gets slower or faster, and caches that fill."""
        weight = np.sqrt(self.records)
        trend = np.vander(np.cumsum(self.records) / self.records.sum(), 3)

        def beside(values: Floats) -> Floats:
            fitted: Floats = trend @ np.linalg.lstsq(trend * weight[:, None], values * weight, rcond=None)[0]
            return values - fitted

        pace = self.seconds / self.records / (self.seconds.sum() / self.records.sum())
        return beside(pace), beside(self.poisoned / self.records)


def loaded(bootstrap: str, recording: Path, count: int, stretch: int, phase: Phase) -> Layout:
    """The recording in a topic, every second stretch of it with poison."""
    topic = f"requests-by-turns-{count}-{stretch}-{phase}"
    kept = recording.with_name(f"{topic}.json")
    if not kept.exists() or not topics.length(bootstrap, topic):
        at = [0] * PARTITIONS
        bounds = [tuple(at)]
        partition = cache(lambda key: partition_of(key, PARTITIONS))

        def records() -> Iterator[tuple[bytes, bytes]]:
            good = topics.lines(recording)
            for number in range(count // stretch):
                part = islice(good, stretch)
                for key, value in topics.with_poison(part, SHARE) if (number + phase) % 2 else part:
                    at[partition(key)] += 1
                    yield key, value
                bounds.append(tuple(at))

        topics.load(bootstrap, topic, records(), PARTITIONS)
        kept.write_text(json.dumps(bounds), encoding="utf-8")
    bounds = [tuple(each) for each in json.loads(kept.read_text(encoding="utf-8"))]
    return Layout(topic, tuple(zip(*bounds, strict=True)), phase)


def run(bootstrap: str, layout: Layout, work: Path, hosts: Path) -> list[Epochs]:
    """The daemon from the beginning of the topic to its end."""
    ours = deploy(work, bootstrap, layout.topic, hosts)
    with (ours.folder / "streamwatchd.yaml").open("a", encoding="utf-8") as file:
        file.write(f"commit_every: {COMMIT_EVERY}\n")
    with Program(ours.command, ours.log, {"POLARS_MAX_THREADS": "1"}) as program:
        return [epochs_of(each, layout) for each in committed(bootstrap, ours, layout, program).values()]


def committed(bootstrap: str, ours: Deployment, layout: Layout, program: Program) -> dict[int, Progress]:
    """By shard, of committed epochs, until they have taken in all."""
    consumer = Consumer({"bootstrap.servers": bootstrap, "group.id": "bench", "isolation.level": "read_committed"})
    until = time.time() + PATIENCE_SECONDS
    while ours.journal not in (known := consumer.list_topics(timeout=10).topics):
        check(program, until)
        time.sleep(0.05)
    consumer.assign([TopicPartition(ours.journal, each, 0) for each in known[ours.journal].partitions])
    found: defaultdict[int, Progress] = defaultdict(list)
    while sum(sum(progress[-1][1].values()) for progress in found.values()) < layout.length:
        check(program, until)
        for message in consumer.consume(100, 0.2):
            assert message.error() is None, message.error()
            if not (message.key() or b"").isdigit():
                continue  # the rules
            record = EpochRecord.decode(message.value() or b"")
            ends = {task.partition: taken.end for task, taken in record.ranges.items() if task.topic == layout.topic}
            if ends:
                found[record.owner.shard].append((message.timestamp()[1] / 1000, ends))
    consumer.close()
    return found


def check(program: Program, until: float) -> None:
    if program.exit_code is not None or time.time() > until:
        raise RuntimeError(f"the daemon does not get on, see {program.log}")


def epochs_of(progress: Progress, layout: Layout) -> Epochs:
    rows = ((at, sum(ends.values()), layout.poisoned(ends)) for at, ends in progress)
    steps = [np.diff(column) for column in zip(*rows, strict=True)]
    moved = steps[1] > 0
    return Epochs(*(each[moved][BEGINNING:-END].astype(np.float64) for each in steps))


def throughput_ratio(rounds: Sequence[Sequence[Epochs]]) -> tuple[float, float]:
    """The rate of poisoned stretches ÷ that of clean ones, and its standard error (bootstrap over rounds).

    `rounds` are the shards of both runs of each round.
    """
    products, squares = np.zeros(len(rounds)), np.zeros(len(rounds))
    for number, shards in enumerate(rounds):
        for shard in shards:
            slower, more = shard.beside_the_trend()
            products[number] += (shard.records * more * slower).sum()
            squares[number] += (shard.records * more * more).sum()
    every = [shard for shards in rounds for shard in shards]
    share = sum(each.poisoned.sum() for each in every) / sum(each.records.sum() for each in every)

    def ratio(chosen: npt.NDArray[np.intp]) -> float:
        more = products[chosen].sum() / squares[chosen].sum()
        return float((1 - share * more) / (1 + (1 - share) * more))

    rng = np.random.default_rng(1)
    again = [ratio(rng.integers(0, len(rounds), len(rounds))) for _ in range(500)]
    return ratio(np.arange(len(rounds))), float(np.std(again))


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--events", type=int, default=12_000_000)
    parser.add_argument("--stretches", type=int, default=9)
    parser.add_argument("--rounds", type=int, default=10)
    parser.add_argument("--kafka", help="host:port of a real broker; one is started when none is named")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "bench", help="data, logs and the broker's files")
    given = parser.parse_args()
    data, found = given.work / "data", list[list[Epochs]]()
    recording = data / f"events-{given.events}.ndjson"
    if not recording.exists():
        say(f"writing {given.events:,} events")
        events.write(data, given.events)
    work = given.work / "runs" / time.strftime("%Y%m%d-%H%M%S")
    work.mkdir(parents=True)
    with broker(given.kafka, given.work) as bootstrap:
        layouts = [loaded(bootstrap, recording, given.events, given.events // given.stretches, each) for each in PHASES]
        for number in range(1, given.rounds + 1):
            found.append([shard for each in layouts for shard in run(bootstrap, each, work, data / "hosts.csv")])
            ratio, error = throughput_ratio(found)
            rate = np.mean([sum(shard.records.sum() / shard.seconds.sum() for shard in shards) for shards in found])
            row = {"rounds": number, "events_per_s": round(rate / len(PHASES)), "throughput_ratio": round(ratio, 4)}
            say(json.dumps(row | {"standard_error": round(error, 4)}))


if __name__ == "__main__":
    main()
