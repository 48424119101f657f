"""Make a failing world small and print it: `python -m tests.laws.minimise SEED` or a range `SEED..SEED`.

A seed names a world (rules and records); the first line of each report says with how few rules and records the engine
and the oracle still differ.
"""

from __future__ import annotations

import json
import random
import sys
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from tests.laws.engine import against_oracle, compile_world
from tests.oracle.random_rules import World, build_world
from tests.oracle.reading import LogItem, MarkAt
from tests.oracle.world import START_MS

Problems = Callable[[World], list[str]]


def world_of(seed: int, rules: int = 4, records: int = 60) -> World:
    return build_world(random.Random(seed), seed, rules=rules, records=records)


def law_6(world: World) -> list[str]:
    """What differs from the oracle, or the error that the engine raised."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            return against_oracle(compile_world(world, Path(folder)), world, random.Random(1))
        except Exception as error:  # a crash is a finding like any other
            return [f"{type(error).__name__}: {error}"[:600]]


def minimise(world: World, problems: Problems) -> World:
    """The smallest world found by leaving out rules, then records, that still has problems of the same kind."""
    kind = problems(world)[0].split(":")[0]

    def fails(smaller: World) -> bool:
        return any(found.split(":")[0] == kind for found in problems(smaller))

    for name in list(world.rules):
        smaller = replace(world, rules={n: text for n, text in world.rules.items() if n != name})
        if smaller.rules and fails(smaller):
            world = smaller
    for place in list(world.logs):
        world = _fewer(world, place, fails)
    return world


def _fewer(world: World, place: tuple[str, int], fails: Callable[[World], bool]) -> World:
    size = max(1, len(world.logs[place]) // 2)
    while size:
        at = 0
        while at < len(world.logs[place]):
            log = world.logs[place]
            smaller = replace(world, logs=world.logs | {place: log[:at] + log[at + size :]})
            if fails(smaller):
                world = smaller
            else:
                at += size
        size //= 2
    return world


def show(world: World, found: list[str]) -> str:
    """The world as text for a report."""
    lines = ["sources:", world.sources, f"partitions: {world.partitions}"]
    for name, text in world.rules.items():
        lines += [f"--- {name}", text.rstrip()]
    for (topic, partition), log in world.logs.items():
        lines += [f"{topic}/{partition} {_item(item)}" for item in log]
    return "\n".join([*lines, "oracle (-) and engine (+):", *found[:12]])


def _item(item: LogItem) -> str:
    if isinstance(item, MarkAt):
        return f"mark {(item.watermark_ms - START_MS) / 1000}s"
    try:
        event = json.loads(item.payload or b"")
        event["ts"] = f"{(event['ts'] - START_MS) / 1000}s" if isinstance(event["ts"], int) else event["ts"]
        return f"@{item.offset} {event}"
    except (ValueError, TypeError, KeyError):
        return f"@{item.offset} raw {item.payload!r}"


def main(words: list[str]) -> None:
    first, _, last = words[0].partition("..")
    rules = int(words[1]) if len(words) > 1 else 4
    for seed in range(int(first), int(last or first) + 1):
        world = world_of(seed, rules)
        if law_6(world):
            small = minimise(world, law_6)
            size = f"{len(small.rules)} rules, {sum(map(len, small.logs.values()))} records"
            sys.stdout.write(f"=== seed {seed}: {size}\n{show(small, law_6(small))}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1:])
