"""The traffic as raw batches per partition, and as a recording for `swctl dry-run`."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator

from streamwatchd.batch import RawBatch
from streamwatchd.demo.traffic import Records, Traffic
from streamwatchd.ports.murmur2 import partition_of
from streamwatchd.recording import Header, RecordingWriter

BATCH_RECORDS = 5_000


def batches(traffic: Traffic, partitions: int, records_a_batch: int = BATCH_RECORDS) -> Iterator[RawBatch]:
    """All records, in slices of the order of arrival; offsets count from 0 per partition, timestamps are arrivals."""
    return batches_of((traffic,), partitions, records_a_batch)


def batches_of(
    stretches: Iterable[Traffic], partitions: int, records_a_batch: int = BATCH_RECORDS
) -> Iterator[RawBatch]:
    """The same of one stretch after the other."""
    ends: dict[tuple[str, int], int] = defaultdict(int)
    for traffic in stretches:
        yield from _sliced(traffic, partitions, records_a_batch, ends)


def _sliced(
    traffic: Traffic, partitions: int, records_a_batch: int, ends: dict[tuple[str, int], int]
) -> Iterator[RawBatch]:
    pending: dict[tuple[str, int], list[tuple[Records, int]]] = defaultdict(list)
    places: dict[bytes, int] = {}
    for number, (records, row) in enumerate(traffic):
        key = records.keys[row]
        place = places.get(key)
        if place is None:
            place = places[key] = partition_of(key, partitions)
        pending[records.kind.topic, place].append((records, row))
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
    record_all({records.kind.topic: partitions for records in traffic.sources}, (traffic,), path, partitions)


def record_all(topics: dict[str, int], stretches: Iterable[Traffic], path: str, partitions: int) -> int:
    """The same of one stretch after the other, on `topics`; gives the number of records."""
    count = 0
    with RecordingWriter(path, Header(topics)) as writer:
        for batch in batches_of(stretches, partitions):
            writer.write(batch)
            count += len(batch)
    return count
