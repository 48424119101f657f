"""The yardsticks of `dry-run`: reading and decoding a recording, and nothing else.

    python -m benchmarks.dry_run.plain dicts RECORDING
    python -m benchmarks.dry_run.plain frames RECORDING CONFIG

`dicts` is what a short script does: lines of the decompressed file, each decoded to a dict by msgspec. `frames` is our
own reader and decoder, with all their checks: what `dry-run` does before it judges.
"""

from __future__ import annotations

import gc
import io
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import msgspec
import zstandard

from streamwatchd.batch import RawBatch
from streamwatchd.codecs.base import Decoder
from streamwatchd.codecs.formats import open_decoder
from streamwatchd.compiler import compile_project
from streamwatchd.recording import open_recording
from streamwatchd.shard.collector import collect_rarely
from streamwatchd.shard.task import _schema
from streamwatchd.testing.playback import WINDOW, joined

LINES = 1_000
NEVER_MS = 2**62


def dicts(recording: str) -> int:
    """Number of lines that are records."""
    count = 0
    decode = msgspec.json.Decoder().decode
    with Path(recording).open("rb") as file:
        lines = io.BufferedReader(zstandard.ZstdDecompressor().stream_reader(file), 1 << 20)
        while objects := list(map(decode, islice(lines, LINES))):
            count += sum("value" in each for each in objects)
    return count


def frames(recording: str, config: Path) -> int:
    """Number of good rows."""
    program = compile_project(config).program
    assert program is not None
    decoders = {source.topic: open_decoder(source.format, _schema(source)) for source in program.plan.sources.values()}
    with open_recording(recording) as opened:
        batches = (item for item in opened if isinstance(item, RawBatch))
        return sum(_decoded(decoders, batch) for batch in _gathered(batches))


def _gathered(items: Iterator[RawBatch]) -> Iterator[RawBatch]:
    """Batches as large as those of `dry-run`."""
    waiting: dict[tuple[str, int], list[RawBatch]] = {}
    count = 0
    for item in items:
        waiting.setdefault((item.topic, item.partition), []).append(item)
        count += len(item)
        if count >= WINDOW:
            yield from map(joined, waiting.values())
            waiting, count = {}, 0
    yield from map(joined, waiting.values())


def _decoded(decoders: dict[str, Decoder], batch: RawBatch) -> int:
    return len(decoders[batch.topic].decode(batch, NEVER_MS // 2, 0).frame)


def main() -> None:
    gc.freeze()
    collect_rarely()
    what, recording, *config = sys.argv[1:]
    print(dicts(recording) if what == "dicts" else frames(recording, Path(config[0])))


if __name__ == "__main__":
    main()
