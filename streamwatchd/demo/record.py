"""The traffic as raw batches per partition, and as a recording for `swctl dry-run`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator

from streamwatchd.batch import RawBatch
from streamwatchd.demo.traffic import Records, Traffic
from streamwatchd.ports.murmur2 import partition_of
from streamwatchd.recording import Header, RecordingWriter

BATCH_RECORDS = 5_000


def batches(traffic: Traffic, partitions: int, records_a_batch: int = BATCH_RECORDS) -> Iterator[RawBatch]:
    """All records, in slices of the order of arrival; offsets count from 0 per partition, timestamps are arrivals."""
    ends: dict[tuple[str, int], int] = defaultdict(int)
    pending: dict[tuple[str, int], list[tuple[Records, int]]] = defaultdict(list)
    for number, (records, row) in enumerate(traffic):
        pending[records.kind.topic, partition_of(records.keys[row], partitions)].append((records, row))
        if number % records_a_batch == records_a_batch - 1:
            yield from _batches(pending, ends)
    yield from _batches(pending, ends)


def _batches(
    pending: dict[tuple[str, int], list[tuple[Records, int]]], ends: dict[tuple[str, int], int]
) -> Iterator[RawBatch]:
    for (topic, partition), rows in sorted(pending.items(), key=lambda item: item[0]):
        start = ends[topic, partition]
        ends[topic, partition] = end = start + len(rows)
        yield RawBatch(
            topic,
            partition,
            [records.payloads[row] for records, row in rows],
            range(start, end),
            [int(records.arrival_ms[row]) for records, row in rows],
            [records.keys[row] for records, row in rows],
        )
    pending.clear()


def record(traffic: Traffic, path: str, partitions: int) -> None:
    """Write a recording with a header to `path` (`.gz` and `.zst` compress). Raises UnreadableInput if it can't be."""
    topics = {records.kind.topic: partitions for records in traffic.sources}
    with RecordingWriter(path, Header(topics)) as writer:
        for batch in batches(traffic, partitions):
            writer.write(batch)
