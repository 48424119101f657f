"""From produce() of an event to its committed alert in a consumer's hands, with the reference job's rules.

    python -m benchmarks.latency.run [--rates 10000,50000] [--delivery exactly_once,at_least_once] [--explain]

The daemon runs with two shards on a real Kafka; the consumer reads with isolation.level=read_committed. Prints a
Markdown table; each run is one line of runs.ndjson. `--explain` prints where the time of an epoch went.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from benchmarks.latency.listener import Listener, first_heard
from benchmarks.latency.traffic import HOSTS, Offered, lines, offer
from benchmarks.measure import Program, put_first
from benchmarks.ref1 import events, topics
from benchmarks.ref1.contestants import PARTITIONS, ROOT
from benchmarks.ref1.deployment import Deployment, FirstRecord, deploy
from benchmarks.ref1.run import broker, say
from streamwatchd.shard.timing import PARTS

SETTLE_SECONDS = 3.0
DRAIN_SECONDS = 4.0
START_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class Run:
    """Latencies in ms. `offered` is what the producer managed, `behind_ms` how late it was at worst."""

    delivery: str
    rate: int
    offered: float
    behind_ms: float
    wanted: int
    missing: int
    p50: float
    p99: float
    p999: float
    most: float
    cores: float
    at: str


def measure(bootstrap: str, work: Path, rate: int, delivery: str, warm_s: float, seconds: float, explain: bool) -> Run:
    topic = f"latency-{rate}-{delivery}-{time.strftime('%H%M%S')}"
    with at_work(bootstrap, work, topic, delivery) as (ours, program, ear):
        before = ours.sums()
        offered = offer(bootstrap, topic, rate, warm_s, seconds, lines())
        time.sleep(DRAIN_SECONDS)
        heard, after = first_heard(ear.heard()), ours.sums()
        cores = program.cpu_s(offered.measured_from, offered.ended) / (offered.ended - offered.measured_from)
    if explain:
        say("\n".join(explained(before, after)))
    return judged(delivery, rate, offered, heard, cores)


@contextmanager
def at_work(
    bootstrap: str, work: Path, topic: str, delivery: str = "exactly_once"
) -> Iterator[tuple[Deployment, Program, Listener]]:
    """A daemon with the job's rules that reads `topic`, and who listens to its alerts."""
    ours = deploy(work, bootstrap, topic, work / "hosts.csv", delivery=delivery)
    topics.create(bootstrap, {topic: PARTITIONS, ours.alerts: 1, ours.kpis: 1})
    with (
        Program(ours.command, ours.log, {"POLARS_MAX_THREADS": "1"}) as program,
        Listener(bootstrap, ours.alerts) as ear,
    ):
        until_ready(ours, program)
        yield ours, program, ear


def until_ready(ours: Deployment, program: Program) -> float:
    """Seconds from the start until a worker was at work; waits a little longer."""
    watch, until = FirstRecord(ours), time.time() + START_SECONDS
    watch.start()
    while watch.at is None:
        if program.exit_code is not None or time.time() > until:
            raise RuntimeError(f"the daemon does not start; see {ours.log}")
        time.sleep(0.05)
    watch.join()
    time.sleep(SETTLE_SECONDS)
    return watch.at - program.started


def judged(delivery: str, rate: int, offered: Offered, heard: Mapping[int, float], cores: float) -> Run:
    wanted = offered.wanted()
    late_ms = [1000 * (heard[number] - offered.sent[number]) for number in wanted if number in heard]
    p50, p99, p999, most = np.percentile(late_ms or [float("nan")], [50, 99, 99.9, 100]).tolist()
    return Run(
        delivery, rate, offered.rate, offered.behind_ms, len(wanted), len(wanted) - len(late_ms), p50, p99, p999, most,
        cores, time.strftime("%Y-%m-%d %H:%M:%S"),
    )  # fmt: skip


def explained(before: Mapping[str, float], after: Mapping[str, float]) -> Iterator[str]:
    """Means per epoch, from the daemon's own metrics."""

    def grown(series: str) -> float:
        return after.get(series, 0.0) - before.get(series, 0.0)

    epochs = max(grown("streamwatchd_epochs_total{}"), 1.0)
    yield f"  {epochs:,.0f} epochs of {grown('streamwatchd_epoch_records_total{}') / epochs:,.0f} records; ms an epoch:"
    for part in PARTS:
        total = grown(f'streamwatchd_epoch_seconds_sum{{part="{part}"}}')
        yield f"  {part:<10} {1000 * total / epochs:8.2f}"
    for name in ("snapshots_total", "producer_rebuilds_total", "commits_unknown_total"):
        yield f"  {name:<24} {grown(f'streamwatchd_{name}{{}}'):.0f}"


def table(runs: Sequence[Run]) -> Iterator[str]:
    yield "| delivery | events/s | p50 ms | p99 ms | p99.9 ms | max ms | alerts | missing | daemon cores |"
    yield "|---|---:|---:|---:|---:|---:|---:|---:|---:|"
    for run in runs:
        figures = " | ".join(f"{value:.1f}" for value in (run.p50, run.p99, run.p999, run.most))
        yield f"| {run.delivery} | {run.offered:,.0f} | {figures} | {run.wanted:,} | {run.missing} | {run.cores:.2f} |"


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.latency.run", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--rates", default="10000,50000", help="events a second, comma-separated")
    parser.add_argument("--delivery", default="exactly_once,at_least_once")
    parser.add_argument("--warm", type=float, default=12, help="seconds before measuring begins")
    parser.add_argument("--seconds", type=float, default=35, help="seconds that are measured")
    parser.add_argument("--kafka", help="host:port of a real broker; one is started when none is named")
    parser.add_argument("--explain", action="store_true")
    parser.add_argument(
        "--work", type=Path, default=ROOT / "build" / "bench-latency", help="logs and the broker's files"
    )
    return parser.parse_args(given)


def main(given: Sequence[str] | None = None) -> int:
    options = arguments(given)
    put_first(os.getpid())
    work = options.work / time.strftime("%Y%m%d-%H%M%S")
    work.mkdir(parents=True)
    events.inventory(events.Shape(hosts=HOSTS)).write_csv(work / "hosts.csv")
    runs = []
    with broker(options.kafka, options.work) as bootstrap, (options.work / "runs.ndjson").open("a") as file:
        for rate in map(int, options.rates.split(",")):
            for delivery in options.delivery.split(","):
                run = measure(bootstrap, work, rate, delivery, options.warm, options.seconds, options.explain)
                file.write(json.dumps(asdict(run)) + "\n")
                runs.append(run)
    print("\n".join(table(runs)))
    return 0 if not any(run.missing for run in runs) else 1


if __name__ == "__main__":
    sys.exit(main())
