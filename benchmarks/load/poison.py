"""What 1 % of poison costs: the same traffic clean and poisoned by turns, through the reference job's rules.

usage: python -m benchmarks.load.poison [--rounds 7] [--events 600000] [--share 0.01] [--kind N]

One process, no broker; from payloads to serialised outputs, dead letters included, as a worker does it. Processor time
counts, batch by batch by turns, of each batch the least of all rounds, so that other programs disturb little.
"""

from __future__ import annotations

import argparse
import json
import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from benchmarks.ref1.events import START_MS, inventory, write
from streamwatchd.batch import RawBatch
from streamwatchd.compiler import Compiled, compile_project
from streamwatchd.ports.kafka import Partition
from streamwatchd.settings import Topics
from streamwatchd.shard.collector import collect_rarely
from streamwatchd.shard.epoch import Sealed, records_of
from streamwatchd.shard.journal import EpochRecord
from streamwatchd.shard.output import Letters, Output
from streamwatchd.shard.owner import Owner
from streamwatchd.shard.shard import Shard
from streamwatchd.testing.driver import Driver

BATCH = 20_000
POISON = (
    b"",
    b'{"ts":1790000040000,"host":"h1"',
    b'{"ts":1790000040000,"host":5}',
    b"[1,2]",
    b'{"ts":NaN}',
    b"\xff{}",
    b'{"ts":"soon","host":"h1"}',
    b'{"ts":4790000040000,"host":"h1"}',
    b'{"ts":1790000040000}\n{"ts":1790000040000}',
    b'{"a":' * 200,
)
"""Kinds of poison, by chance: each stands in the place of a good record."""

TOPICS = Topics()
PROJECT = Path(__file__).parents[1] / "ref1" / "project"


def project(folder: Path) -> Compiled:
    """The reference job, with its inventory."""
    shutil.copytree(PROJECT, folder, dirs_exist_ok=True)
    inventory().write_csv(folder / "enrichment.d" / "hosts.csv")
    compiled = compile_project(folder / "streamwatchd.yaml")
    assert compiled.program is not None, compiled.loaded.diagnostics
    return compiled


def poisoned(payloads: list[bytes], share: float, kinds: Sequence[bytes] = POISON) -> list[bytes]:
    draw = random.Random(5)
    return [draw.choice(kinds) if draw.random() < share else payload for payload in payloads]


class _Packing(Driver):
    """Dead letters stay packed, as in a worker."""

    letters: tuple[Letters, ...] = ()

    def _collect(self, shard: Shard) -> None:
        self.letters += tuple(shard.take_letters())
        super()._collect(shard)


class Line:
    """A driver at work, and the processor time that it took."""

    def __init__(self, compiled: Compiled) -> None:
        assert compiled.program is not None
        self._driver = _Packing(compiled.program, compiled.loaded.tables, {"requests": 1}, now_ms=START_MS + 3_600_000)
        self.seconds: list[float] = []
        self.events = self.letters = 0

    def feed(self, batch: list[bytes]) -> None:
        began = time.process_time()
        offsets = range(self.events, self.events + len(batch))
        self._driver.feed(RawBatch("requests", 0, batch, offsets, [START_MS] * len(batch)))
        outputs, letters = tuple(self._driver.take_outputs()), self._driver.letters
        self._driver.letters = ()
        for record in records_of(_sealed(outputs, letters), TOPICS, Partition("journal", 0), 0, 1_000_000):
            self.letters += record.topic == TOPICS.dead_letters
        self.seconds.append(time.process_time() - began)
        self.events += len(batch)


def by_turns(compiled: Compiled, clean: list[bytes], dirty: list[bytes]) -> tuple[Line, Line]:
    """Batch by batch, so that whatever else the machine does disturbs both alike."""
    lines = Line(compiled), Line(compiled)
    for number, start in enumerate(range(0, len(clean), BATCH)):
        pair = [(lines[0], clean), (lines[1], dirty)]
        for line, payloads in pair if number % 2 else reversed(pair):
            line.feed(payloads[start : start + BATCH])
    return lines


def _sealed(outputs: tuple[Output, ...], letters: tuple[Letters, ...]) -> Sealed:
    epoch = EpochRecord(Owner("bench", 0, 1, 0), 1, 0, {}, (), (), 0, "", "", {})
    return Sealed(epoch, outputs, (), {}, START_MS, letters)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--events", type=int, default=600_000)
    parser.add_argument("--share", type=float, default=0.01)
    parser.add_argument("--kind", type=int, choices=range(len(POISON)), help="this row of POISON alone (1: torn JSON)")
    given = parser.parse_args()
    collect_rarely()
    with tempfile.TemporaryDirectory() as folder:
        path = write(Path(folder), given.events)
        clean = path.read_bytes().splitlines()
        compiled = project(Path(folder) / "project")
    dirty = poisoned(clean, given.share, POISON if given.kind is None else POISON[given.kind : given.kind + 1])
    by_turns(compiled, clean[: 5 * BATCH], dirty[: 5 * BATCH])
    rounds = [by_turns(compiled, clean, dirty) for _ in range(given.rounds)]
    good, bad = (sum(map(min, zip(*(each[side].seconds for each in rounds), strict=True))) for side in (0, 1))
    ratios = [sum(one.seconds) / sum(two.seconds) for one, two in rounds]
    found = {
        "share": given.share,
        "dead_letters": rounds[0][1].letters,
        "clean_us_per_event": round(good * 1e6 / len(clean), 3),
        "throughput_ratio": round(good / bad, 4),
        "median_of_rounds": round(statistics.median(ratios), 4),
    }
    print(json.dumps(found))


if __name__ == "__main__":
    main()
