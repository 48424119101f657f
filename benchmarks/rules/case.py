"""One measurement in a process of its own: a rule set over the same traffic, on one thread, without a broker.

    python -m benchmarks.rules.case {rules,windows} COUNT EVENTS [--profile]

Prints one JSON object. `cpu_us` is processor time per event of everything from payload bytes to outputs, judging
included; compiling is told apart.
"""

from __future__ import annotations

import argparse
import cProfile
import json
import resource
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from benchmarks.ref1 import events, oracle
from benchmarks.rules import projects, rooms
from streamwatchd.batch import RawBatch
from streamwatchd.compiler import compile_project
from streamwatchd.shard.collector import collect_rarely
from streamwatchd.testing.driver import Driver

PARTITIONS = 4
BATCH = 20_000
SETS = {"rules": projects.many_rules, "windows": projects.many_windows}


def batches(count: int) -> Iterator[list[RawBatch]]:
    """The traffic as a worker takes it: up to 20,000 records at a time, one batch a partition."""
    shape = projects.TRAFFIC
    partition = {host: oracle.partition_of(host.encode(), PARTITIONS) for host in events.host_names(shape)}
    offsets = [0] * PARTITIONS
    for frame in events.blocks(count, shape):
        for part in frame.iter_slices(BATCH):
            payloads: list[list[bytes | None]] = [[] for _ in range(PARTITIONS)]
            lines = part.write_ndjson().encode().splitlines()
            for host, line in zip(part["host"], lines, strict=True):
                payloads[partition[host]].append(line)
            taken = []
            for number, mine in enumerate(payloads):
                numbers = range(offsets[number], offsets[number] + len(mine))
                offsets[number] += len(mine)
                taken.append(RawBatch("requests", number, mine, numbers, [events.START_MS] * len(mine)))
            yield taken


def measure(kind: str, count: int, size: int, profile: cProfile.Profile | None) -> dict[str, object]:
    with tempfile.TemporaryDirectory() as folder:
        config = projects.write(Path(folder) / "project", SETS[kind](count))
        started = time.perf_counter()
        compiled = compile_project(config)
        compile_s = time.perf_counter() - started
    for each in compiled.loaded.diagnostics:
        print(each.code, each.message, file=sys.stderr)
    traffic = list(batches(size))
    if compiled.program is None:
        raise SystemExit("the rules do not compile")
    collect_rarely()
    driver = Driver(compiled.program, compiled.loaded.tables, {"requests": PARTITIONS})
    before = memory_mib()
    steps = []
    if profile is not None:
        profile.enable()
    for taken in traffic:
        started = time.process_time()
        for batch in taken:
            driver.feed(batch)
        steps.append(time.process_time() - started)
    if profile is not None:
        profile.disable()
    fed = sum(len(batch) for taken in traffic for batch in taken)
    outputs = Counter(output.sink.value for output in driver.take_outputs())
    return {
        "kind": kind, "count": count, "events": fed, "cpu_us": sum(steps) / fed * 1e6,
        "slowest_step_ms": max(steps) * 1e3, "compile_s": compile_s, "state_mib": memory_mib() - before,
        "outputs": outputs,
    }  # fmt: skip


def memory_mib() -> float:
    """The largest resident set so far."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rules.case")
    parser.add_argument("kind", choices=SETS)
    parser.add_argument("count", type=int)
    parser.add_argument("events", type=int)
    parser.add_argument("--profile", action="store_true")
    given = parser.parse_args()
    profile = cProfile.Profile() if given.profile else None
    print(json.dumps(measure(given.kind, given.count, given.events, profile)))
    if profile is not None:
        print(rooms.report(profile, given.events))


if __name__ == "__main__":
    main()
