"""What a baseline of a day costs: memory a key, and the time of a judgement once the window is full.

    python -m benchmarks.baselines.run [--keys 10000] [--hours 24] [--every 1m] [--minutes 5] [--usual]

One task of the engine in this process, no broker; every key has an event in so many minutes. The rule is the shipped
`cpu_unusual`: the mean of five minutes against the mean and the deviation of a day. With `--usual` it is against what
is usual at this hour of the week: a sample every 20 minutes, of which 28 days are kept
(`--usual --hours 672 --every 20m --minutes 20`).
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.measure import resident, say
from streamwatchd.batch import RawBatch
from streamwatchd.compiler import compile_project
from streamwatchd.packing import pack, unpack
from streamwatchd.shard.output import TaskId
from streamwatchd.shard.shard import Shard

START_MS = 1_767_571_200_000
MINUTE_MS = 60_000
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
    when: %s
    min_history: 6h
"""
OF_A_DAY = "avg(x over 5m) > avg(x over 24h) + 3 * stddev(x over 24h)"
USUAL = "avg(x over 20m) > usual(avg(x over 20m)) + 3 * spread(avg(x over 20m)) + 100"
"""It never fires: which keys were firing would be kept beside the samples."""


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.baselines.run", description=__doc__)
    parser.add_argument("--keys", type=int, default=10_000)
    parser.add_argument("--hours", type=int, default=24)
    parser.add_argument("--every", default="1m")
    parser.add_argument("--minutes", type=int, default=5, help="between two events of a key")
    parser.add_argument("--usual", action="store_true", help="against the same hour of the week")
    options = parser.parse_args()
    rules = RULES % (options.every, USUAL if options.usual else OF_A_DAY)
    shard = shard_of(rules)
    feed(shard, 100, 0, options.minutes)
    before = resident()
    an_hour = 60 // options.minutes
    begun = time.process_time()
    for step in range(1, 1 + options.hours * an_hour):
        if step == 1 + (options.hours - 1) * an_hour:
            last = time.process_time()
        feed(shard, options.keys, step, options.minutes)
    done = time.process_time()
    held = resident() - before
    say(f"{options.keys:,} keys, {options.hours} h, judged every {options.every}")
    say(f"memory      {held / 1e6:.0f} MB, {held / options.keys / 1024:.1f} KiB a key")
    say_state(shard, shard_of(rules), options.keys)
    say(f"last hour   {done - last:.2f} s of processor time, its {an_hour * options.keys:,} events included")
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


def feed(shard: Shard, keys: int, step: int, minutes: int) -> None:
    """An event of each key within so many minutes, in slices of a minute or more."""
    length = minutes * MINUTE_MS
    begin = START_MS + step * length
    size = max(1, keys // 5)
    for first in range(0, keys, size):
        payloads: list[bytes | None] = [
            b'{"t":%d,"k":"device-%07d","x":%d.%d}' % (begin + length * key // keys, key, (key + step) % 97, step % 10)
            for key in range(first, min(keys, first + size))
        ]
        shard.step(RawBatch("in", 0, payloads, list(range(len(payloads))), [begin] * len(payloads)), begin + length)
        shard.drain()


def say_state(shard: Shard, fresh: Shard, keys: int) -> None:
    """What it takes on disk, and how long it takes to write and to read again."""
    begun = time.process_time()
    states = {task: pack(tree) for task, tree in shard.snapshot().items()}
    written = time.process_time()
    fresh.restore({task: unpack(data) for task, data in states.items()})
    read = time.process_time()
    size = sum(map(len, states.values()))
    say(f"snapshot    {size / 1e6:.0f} MB, {size / keys / 1024:.1f} KiB a key")
    say(f"            made whole in {written - begun:.2f} s of processor time, read in {read - written:.2f} s")


if __name__ == "__main__":
    sys.exit(main())
