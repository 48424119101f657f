"""What is played: the demo's traffic at a high rate, and the reference job's, as `swctl record` writes them.

    python -m benchmarks.dry_run.traffic FOLDER RATE

writes FOLDER/demo-RATE.ndjson.zst, FOLDER/ref1-RATE.ndjson.zst and the same as .parquet, five minutes of event time
each at RATE events a second, and the reference job's project beside them. Needs some 500 bytes of memory an event of
the demo.
"""

from __future__ import annotations

import gc
import shutil
import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from benchmarks.ref1 import events
from streamwatchd.batch import RawBatch
from streamwatchd.demo.__main__ import RECORDING_START_MS
from streamwatchd.demo.feed import PARTITIONS
from streamwatchd.demo.record import record
from streamwatchd.demo.traffic import Shape, generate
from streamwatchd.ports.murmur2 import partition_of
from streamwatchd.recording import Header, RecordingWriter, open_recording

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
SECONDS = 300


@dataclass(frozen=True, slots=True)
class Played:
    """A recording, in lines and in Parquet, and the project whose rules are played over it. `events` records."""

    name: str
    path: Path
    config: Path
    events: int

    @property
    def parquet(self) -> Path:
        """The same in that form."""
        return self.path.with_name(self.path.name.removesuffix(".ndjson.zst") + ".parquet")


def prepare(folder: Path, rate: int) -> tuple[Played, Played]:
    """The demo's traffic for the shipped rules, and the reference job's; what is there already is not written again."""
    folder.mkdir(parents=True, exist_ok=True)
    recordings = _demo(folder, rate), _ref1(folder, rate)
    for each in recordings:
        _convert(each)
    return recordings


def _demo(folder: Path, rate: int) -> Played:
    path = folder / f"demo-{rate}.ndjson.zst"
    count = path.with_suffix(".count")
    if not count.exists():
        gc.disable()
        traffic = generate(Shape(RECORDING_START_MS, SECONDS, float(rate)))
        record(traffic, str(path), PARTITIONS)
        count.write_text(str(len(traffic)), encoding="ascii")
        gc.enable()
    return Played("the twelve rules", path, ROOT / "streamwatchd.yaml", int(count.read_text(encoding="ascii")))


def _ref1(folder: Path, rate: int) -> Played:
    path, project, total = folder / f"ref1-{rate}.ndjson.zst", folder / "ref1", SECONDS * rate
    shape = events.Shape(rate=rate)
    if not project.exists():
        shutil.copytree(ROOT / "benchmarks" / "ref1" / "project", project)
        events.inventory(shape).write_csv(project / "enrichment.d" / "hosts.csv")
    if not path.exists():
        half = path.with_name("half.ndjson.zst")
        with RecordingWriter(str(half), Header({"requests": PARTITIONS})) as writer:
            for batch in _requests(total, shape):
                writer.write(batch)
        half.rename(path)
    return Played("the reference job", path, project / "streamwatchd.yaml", total)


def _convert(played: Played) -> None:
    if not played.parquet.exists():
        half = played.parquet.with_name("half.parquet")
        with open_recording(str(played.path)) as opened, RecordingWriter(str(half), opened.header) as writer:
            for item in opened:
                if isinstance(item, RawBatch):
                    writer.write(item)
        half.rename(played.parquet)


def _requests(total: int, shape: events.Shape) -> Iterator[RawBatch]:
    """In the order of the generator, keyed by host; the record timestamp is the steady clock, to the block."""
    ends: defaultdict[int, int] = defaultdict(int)
    places = np.array([partition_of(host.encode(), PARTITIONS) for host in events.host_names(shape)])
    number = {host: place for place, host in enumerate(events.host_names(shape))}
    for block, frame in enumerate(events.blocks(total, shape)):
        payloads = frame.write_ndjson().encode().splitlines()
        hosts = frame["host"].to_list()
        stamp = events.START_MS + block * events.BLOCK * 1000 // shape.rate
        partition = places[list(map(number.__getitem__, hosts))]
        for each in range(PARTITIONS):
            rows = np.flatnonzero(partition == each).tolist()
            start, ends[each] = ends[each], ends[each] + len(rows)
            keys = [hosts[row].encode() for row in rows]
            stamps = [stamp] * len(rows)
            yield RawBatch("requests", each, [payloads[row] for row in rows], range(start, ends[each]), stamps, keys)


if __name__ == "__main__":
    print(*prepare(Path(sys.argv[1]), int(sys.argv[2])), sep="\n")
