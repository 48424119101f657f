"""The reference job, measured: the daemon and dry-run beside plain consumption and a hand-written prototype.

    python -m benchmarks.ref1.run [--events N] [--rounds R] [--kafka host:port] [--only daemon,plain] [--work DIR]

The contestants take turns within a round; medians are printed, and ratios to those of the same run. Every row of the
answer is checked. Exit code 1 when a contestant of ours answers wrongly.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from statistics import median

from benchmarks.measure import put_first
from benchmarks.ref1 import events, oracle, topics
from benchmarks.ref1.contestants import CONTESTANTS, PARTITIONS, ROOT, Absent, Job, Run
from tests.kafka import server

YARDSTICKS = ("prototype", "plain")
COLUMNS = ("events/s", "steady/s", "CPU µs/event", "start-up s", "peak MiB")


@contextmanager
def broker(given: str | None, work: Path) -> Iterator[str]:
    """The address of a real Kafka; one is started when none is named."""
    if given:
        yield given
        return
    folder = work / "kafka"
    address = server.start(folder, heap="1g", lasting=True)
    try:
        for file in folder.glob("node-*/pid"):
            put_first(int(file.read_text(encoding="ascii")))
        yield address
    finally:
        server.stop(folder)


def prepare(work: Path, bootstrap: str, count: int) -> Job:
    """Write and load what is not there yet, and compute the answer."""
    data = work / "data"
    recording, hosts = data / f"events-{count}.ndjson", data / "hosts.csv"
    if not recording.exists():
        say(f"writing {count:,} events")
        events.write(data, count)
    topic = f"requests-{count}"
    if topics.length(bootstrap, topic) != count:
        say(f"loading them into {topic}")
        topics.load(bootstrap, topic, topics.lines(recording), PARTITIONS)
    say("computing the answer")
    answer = oracle.answer(recording, hosts, PARTITIONS)
    runs = work / "runs" / time.strftime("%Y%m%d-%H%M%S")
    runs.mkdir(parents=True)
    return Job(bootstrap, topic, count, recording, hosts, answer, runs)


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def rounds(job: Job, names: Sequence[str], count: int) -> dict[str, list[Run]]:
    done: dict[str, list[Run]] = {name: [] for name in names}
    for number in range(count):
        for name in names:
            try:
                run = CONTESTANTS[name](job)
            except Absent as missing:
                say(f"{name}: left out, {missing}")
                continue
            done[name].append(run)
            say(f"round {number + 1}: {name:<10} {run.rate:>11,.0f} events/s  {run.verdict or ''}")
    return {name: runs for name, runs in done.items() if runs}


def figures(runs: Sequence[Run]) -> tuple[float | None, ...]:
    """Medians, in the order of COLUMNS."""
    steady = [run.steady_rate for run in runs if run.steady_rate is not None]
    return (
        median(run.rate for run in runs),
        median(steady) if steady else None,
        median(run.cpu_us for run in runs),
        median(run.startup_s for run in runs),
        median(run.peak_rss_bytes for run in runs) / 2**20,
    )


def table(results: dict[str, list[Run]]) -> Iterator[str]:
    """A Markdown table; ratios are to the yardsticks' medians of events/s and CPU."""
    base = {name: figures(results[name]) for name in YARDSTICKS if name in results}
    ratios = [f"{what} ÷ {name}" for name in base for what in ("rate", "CPU")]
    yield "| | " + " | ".join((*COLUMNS, *ratios)) + " |"
    yield "|---|" + "---:|" * (len(COLUMNS) + len(ratios))
    for name, runs in results.items():
        own = figures(runs)
        cells = [number(value, 2 if column in COLUMNS[2:4] else 0) for column, value in zip(COLUMNS, own, strict=True)]
        for other in base.values():
            cells += [number((own[at] or 0) / (other[at] or 1), 2) for at in (0, 2)]
        yield f"| {name} | " + " | ".join(cells) + " |"


def number(value: float | None, digits: int) -> str:
    return "–" if value is None else f"{value:,.{digits}f}"


def arguments(given: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.ref1.run", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--events", type=int, default=1_530_000, help="30,000 more than whole minutes of 300,000")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--kafka", help="host:port of a real broker; one is started when none is named")
    parser.add_argument("--only", default=",".join(CONTESTANTS), help="comma-separated")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "bench", help="data, logs and the broker's files")
    return parser.parse_args(given)


def main(given: Sequence[str] | None = None) -> int:
    options = arguments(given)
    with broker(options.kafka, options.work) as bootstrap:
        job = prepare(options.work, bootstrap, options.events)
        results = rounds(job, options.only.split(","), options.rounds)
    with (job.work / "runs.ndjson").open("w", encoding="utf-8") as file:
        file.writelines(json.dumps(asdict(run)) + "\n" for runs in results.values() for run in runs)
    print("\n".join(table(results)))
    verdicts = [(name, run.verdict) for name, runs in results.items() for run in runs if run.verdict]
    for name, verdict in verdicts:
        print(f"{name}: {verdict}")
    ours = [verdict for name, verdict in verdicts if name in ("daemon", "dry-run")]
    return 0 if all(verdict.passed for verdict in ours) else 1


if __name__ == "__main__":
    sys.exit(main())
