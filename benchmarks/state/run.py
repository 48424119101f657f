"""What a key costs: bytes a key and aggregate of a window of 5 minutes at a step of 1, in memory and in a snapshot.

    python -m benchmarks.state.run [--keys 1000000] [--minutes 6] [aggregate …]

One task of the engine in this process, no broker. Every key has an event a minute; each aggregate is measured in a
process of its own, beside one that only counts keys.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.measure import resident, say
from streamwatchd.batch import RawBatch
from streamwatchd.compiler import compile_project
from streamwatchd.shard.output import TaskId
from streamwatchd.shard.owner import Owner
from streamwatchd.shard.shard import Shard
from streamwatchd.shard.snapshot import Snapshot
from streamwatchd.shard.version import BEGINNING, Version

AGGREGATES = ("count()", "sum(x)", "avg(x)", "min(x)", "max(x)", "stddev(x)", "last(x)", "ratio(x > 50)", "p99(x)")
START_MS = 1_767_571_200_000
MINUTE_MS = 60_000
BATCH = 20_000
CONFIG = """
sources:
  events: {topic: in, time: t, unit: ms, max_delay: 1s, key: k, fields: {k: string, x: float}}
"""
RULES = """
source: events
rules:
  - alarm: watched
    by: k
    every: 1m
    when: {condition}
"""
WINDOW = "over 5m"


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.state.run")
    parser.add_argument("--keys", type=int, default=1_000_000)
    parser.add_argument("--minutes", type=int, default=6, help="of event time; from the sixth on the window is full")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("aggregates", nargs="*", default=AGGREGATES)
    options = parser.parse_args()
    if options.one:
        one(options.aggregates[0], options.keys, options.minutes)
        return 0
    say(f"{options.keys:,} keys, {options.minutes} minutes; bytes a key")
    say("| aggregate | in memory | in a snapshot | snapshot MB | taken in s | written in s |")
    say("|---|---:|---:|---:|---:|---:|")
    for aggregate in options.aggregates:
        apart(aggregate, options.keys, options.minutes)
    return 0


def apart(aggregate: str, keys: int, minutes: int) -> None:
    command = [sys.executable, "-m", "benchmarks.state.run", "--one", "--keys", str(keys), "--minutes", str(minutes)]
    done = subprocess.run([*command, aggregate], capture_output=True, text=True, check=False)
    say(done.stdout.strip() or done.stderr[-2000:])


def one(aggregate: str, keys: int, minutes: int) -> None:
    shard = shard_of(f"{with_window(aggregate)} < 0")
    feed(shard, range(100), 1, START_MS - MINUTE_MS)
    before = resident()
    for minute in range(minutes):
        feed(shard, range(keys), minutes, START_MS + minute * MINUTE_MS)
    held = resident() - before
    begun = time.perf_counter()
    states = shard.snapshot()
    taken = time.perf_counter()
    version = Version(0, BEGINNING, "v")
    snapshot = Snapshot(Owner("bench", 0, 1, 0), 1, (version,), {TaskId(1, "in", 0): 1}, states, "0")
    size = sum(map(len, snapshot.writing("", 1).chunks()))
    written = time.perf_counter()
    say(
        f"| {aggregate} | {held / keys:.0f} | {size / keys:.0f} | {size / 1e6:.0f} | {taken - begun:.2f} "
        f"| {written - taken:.2f} |"
    )


def with_window(aggregate: str) -> str:
    inside = aggregate[:-1]
    return f"{inside}{'' if inside.endswith('(') else ' '}{WINDOW})"


def shard_of(condition: str) -> Shard:
    """One task with one rule of one aggregate, which never fires."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "rules.d").mkdir()
        (folder / "streamwatchd.yaml").write_text(CONFIG)
        (folder / "rules.d" / "a.yaml").write_text(RULES.format(condition=condition))
        compiled = compile_project(folder / "streamwatchd.yaml")
    problems = [found.message for found in compiled.loaded.diagnostics if found.is_error]
    if compiled.program is None or problems:
        raise SystemExit(f"{condition}: {problems}")
    return Shard(compiled.program, compiled.loaded.tables, [TaskId(1, "in", 0)], {"in": 1}, 1)


def feed(shard: Shard, keys: Sequence[int], seed: int, at_ms: int) -> None:
    """An event of each key within a minute."""
    for first in range(0, len(keys), BATCH):
        some = keys[first : first + BATCH]
        payloads: list[bytes | None] = [
            b'{"t":%d,"k":"device-%07d","x":%d.%d}' % (at_ms + MINUTE_MS * key // len(keys), key, key % 97, seed)
            for key in some
        ]
        shard.step(RawBatch("in", 0, payloads, list(some), [at_ms] * len(some)), at_ms + 10 * MINUTE_MS)
        shard.drain()


if __name__ == "__main__":
    sys.exit(main())
