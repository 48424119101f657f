"""A flood of keys against `max_keys`: the memory of one process that evaluates them, and what the old keys notice.

usage: python -m benchmarks.load.keys [--keys 10000000] [--cap 100000] [--batch 20000]

The rules count events and judge an alarm per `host`. First as many hosts as the cap send events, then a flood of hosts
that nobody has seen, each once, while the old ones go on among them. Memory is VmRSS once the cap is full and a tenth
of the flood has come (by then every dictionary has its size), and the most of it afterwards.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from streamwatchd.batch import RawBatch
from streamwatchd.compiler import compile_project
from streamwatchd.shard.collector import collect_rarely
from streamwatchd.shard.output import Sink
from streamwatchd.testing.driver import Driver

START_MS = 1_790_000_040_000
EVENTS_A_SECOND = 20_000
OLD_SHARE = 10
"""One event in so many is of an old key."""

RULES = """
source: metrics
rules:
  - {{kpi: seen, by: host, every: 1m, max_keys: {cap}, values: {{n: count(), mean: avg(cpu)}}}}
  - {{alarm: hot, by: host, when: cpu > 99, max_keys: {cap}}}
"""
CONFIG = "sources: {metrics: {topic: metrics, time: ts, unit: ms, max_delay: 1s, key: host}}\n"


def payload(number: int, host: int) -> bytes:
    at = START_MS + number * 1_000 // EVENTS_A_SECOND
    return b'{"ts":%d,"host":"host-%09d","cpu":%d}' % (at, host, number % 97)


def events(keys: int, cap: int) -> Iterator[bytes]:
    number = 0
    for host in range(cap):
        yield payload(number, host)
        number += 1
    for host in range(cap, keys):
        if number % OLD_SHARE == 0:
            yield payload(number, number % cap)
            number += 1
        yield payload(number, host)
        number += 1


def rss_mib() -> float:
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 2**20


def driver(cap: int) -> Driver:
    with tempfile.TemporaryDirectory() as folder:
        rules = Path(folder) / "rules.d"
        rules.mkdir()
        (rules / "a.yaml").write_text(RULES.format(cap=cap), encoding="utf-8")
        config = Path(folder) / "streamwatchd.yaml"
        config.write_text(CONFIG, encoding="utf-8")
        compiled = compile_project(config)
    assert compiled.program is not None, compiled.loaded.diagnostics
    return Driver(compiled.program, compiled.loaded.tables, {"metrics": 1})


def flood(keys: int, cap: int, size: int) -> dict[str, float]:
    """MiB, counts, and events a second of processor time."""
    collect_rarely()
    at_work = driver(cap)
    found: dict[str, float] = {"rows": 0, "storms": 0, "full_mib": 0.0, "most_mib": 0.0}
    settled_at = cap + (keys - cap) // 10
    batch: list[bytes] = []
    began, fed = time.process_time(), 0

    def feed() -> None:
        nonlocal fed, batch
        offsets = range(fed, fed + len(batch))
        at_work.feed(RawBatch("metrics", 0, batch, offsets, [START_MS] * len(batch)))
        fed, batch = fed + len(batch), []
        for output in at_work.take_outputs():
            found["rows"] += output.sink is Sink.KPIS
            is_storm = isinstance(output.value, dict) and output.value.get("event") == "storm"
            found["storms"] += output.sink is Sink.ALERTS and is_storm
        now = rss_mib()
        if fed >= settled_at and not found["full_mib"]:
            found["full_mib"] = now
        found["most_mib"] = max(found["most_mib"], now)

    for event in events(keys, cap):
        batch.append(event)
        if len(batch) == size:
            feed()
    feed()
    counters = at_work.shards[0].counters()
    found["events"] = fed
    found["keys"] = sum(count for (name, _), count in counters.items() if name == "keys")
    found["overflowed"] = sum(count for (name, _), count in counters.items() if name == "overflowed")
    found["events_a_cpu_second"] = round(fed / (time.process_time() - began))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--keys", type=int, default=10_000_000)
    parser.add_argument("--cap", type=int, default=100_000)
    parser.add_argument("--batch", type=int, default=20_000)
    given = parser.parse_args()
    found = flood(given.keys, given.cap, given.batch)
    found["growth"] = round(found["most_mib"] / found["full_mib"], 4)
    print(json.dumps({name: round(value, 4) for name, value in found.items()}))


if __name__ == "__main__":
    main()
