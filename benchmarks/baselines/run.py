"""What a baseline of a day costs: memory a key, and the time of a judgement once the window is full.

    python -m benchmarks.baselines.run [--keys 10000] [--hours 24] [--every 1m]

One task of the engine in this process, no broker; every key has an event in five minutes. The rule is the shipped
`cpu_unusual`: the mean of five minutes against the mean and the deviation of a day.
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measure import sample
from streamwatchd.batch import RawBatch
from streamwatchd.compiler import compile_project
from streamwatchd.shard.output import TaskId
from streamwatchd.shard.shard import Shard

START_MS = 1_767_571_200_000
STEP_MS = 300_000
BATCH = 10_000
CONFIG = """
sources:
  events: {topic: in, time: t, unit: ms, max_delay: 1s, key: k, fields: {k: string, x: {type: float, unit: percent}}}
"""
RULES = """
source: events
every: %s
rules:
  - alarm: unusual
    by: k
    when: avg(x over 5m) > avg(x over 24h) + 3 * stddev(x over 24h)
    min_history: 6h
"""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.baselines.run", description=__doc__)
    parser.add_argument("--keys", type=int, default=10_000)
    parser.add_argument("--hours", type=int, default=24)
    parser.add_argument("--every", default="1m")
    options = parser.parse_args()
    shard = shard_of(RULES % options.every)
    feed(shard, 100, -1)
    before = resident()
    steps = options.hours * 12
    begun = time.process_time()
    for step in range(steps):
        if step == steps - 12:
            last = time.process_time()
        feed(shard, options.keys, step)
    done = time.process_time()
    held = resident() - before
    say(f"{options.keys:,} keys, {options.hours} h, judged every {options.every}")
    say(f"memory      {held / 1e6:.0f} MB, {held / options.keys / 1024:.1f} KiB a key")
    say(f"last hour   {done - last:.2f} s of processor time, its {12 * options.keys:,} events included")
    say(f"in all      {done - begun:.1f} s for {options.hours} h of event time")
    return 0


def shard_of(rules: str) -> Shard:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        (folder / "rules.d").mkdir()
        (folder / "streamwatchd.yaml").write_text(CONFIG)
        (folder / "rules.d" / "a.yaml").write_text(rules)
        compiled = compile_project(folder / "streamwatchd.yaml")
    problems = [found.message for found in compiled.loaded.diagnostics if found.is_error]
    if compiled.program is None or problems:
        raise SystemExit(f"the rule does not check: {problems}")
    return Shard(compiled.program, compiled.loaded.tables, [TaskId(1, "in", 0)], {"in": 1}, 1)


def feed(shard: Shard, keys: int, step: int) -> None:
    """An event of each key within five minutes, in slices of a minute."""
    begin = START_MS + step * STEP_MS
    size = max(1, keys // 5)
    for first in range(0, keys, size):
        payloads: list[bytes | None] = [
            b'{"t":%d,"k":"device-%07d","x":%d.%d}' % (begin + STEP_MS * key // keys, key, (key + step) % 97, step % 10)
            for key in range(first, min(keys, first + size))
        ]
        shard.step(RawBatch("in", 0, payloads, list(range(len(payloads))), [begin] * len(payloads)), begin + STEP_MS)
        shard.drain()


def resident() -> int:
    return sample([os.getpid()]).rss_bytes


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
