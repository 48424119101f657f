"""The traffic as batches and as a recording."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

from streamwatchd.batch import RawBatch
from streamwatchd.demo.record import batches, record
from streamwatchd.demo.traffic import Shape, generate
from streamwatchd.ports.murmur2 import partition_of
from streamwatchd.recording import open_recording

TRAFFIC = generate(Shape(1_767_571_200_000, 300))
Log = dict[tuple[str, int], list[tuple[int, int, bytes | None, bytes | None]]]


def log(raws: list[RawBatch]) -> Log:
    records: Log = defaultdict(list)
    for raw in raws:
        keys = raw.keys or [None] * len(raw)
        records[raw.topic, raw.partition] += zip(raw.offsets, raw.timestamps, keys, raw.payloads)
    return records


@pytest.mark.parametrize("size", [64, 700, 10**6])
def test_a_partition_has_the_same_log_whatever_the_batches(size: int) -> None:
    """Every record once, in order of arrival, in the partition of its key, offsets from 0."""
    partitions = log(list(batches(TRAFFIC, 4, size)))
    assert sum(map(len, partitions.values())) == len(TRAFFIC)
    assert partitions == log(list(batches(TRAFFIC, 4, 5_000)))
    for (_, partition), rows in partitions.items():
        assert [offset for offset, *_ in rows] == list(range(len(rows)))
        assert [at for _, at, *_ in rows] == sorted(at for _, at, *_ in rows)
        assert {partition_of(key or b"", 4) for _, _, key, _ in rows} == {partition}


def test_a_recording_reads_back_as_it_was(tmp_path: Path) -> None:
    """Poison included, byte for byte, with the partition counts in its header."""
    path = str(tmp_path / "traffic.ndjson.zst")
    record(TRAFFIC, path, 3)
    with open_recording(path) as recording:
        assert recording.header is not None
        assert set(recording.header.topics.values()) == {3}
        read = [item for item in recording if isinstance(item, RawBatch)]
    assert log(read) == log(list(batches(TRAFFIC, 3)))
