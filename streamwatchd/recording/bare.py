"""Bare events: payloads without an envelope; their partitions, offsets and record timestamps are made up."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import NoneType
from typing import Any

import numpy as np

from streamwatchd.batch import RawBatch, Rows, Times
from streamwatchd.codecs.base import KAFKA_TIME
from streamwatchd.codecs.event_time import parse_times, unreadable
from streamwatchd.codecs.json_layout import Layout, build_layout, decode_all
from streamwatchd.codecs.json_rows import SLICE
from streamwatchd.errors import UnreadableInput
from streamwatchd.ports.murmur2 import partition_of
from streamwatchd.recording.items import NO_TIMESTAMP

_MAX_KEYS = 1_000_000
_SCALAR = int | float | str | bool | None


@dataclass(frozen=True, slots=True)
class BareSource:
    """The source that bare events belong to.

    They lie in partition 0, or are spread over `partitions` by murmur2 of the text of field `key`; what has no such
    field (poison included) lies in partition 0. Offsets count from 0 per partition. The record timestamp is the running
    maximum of the event times in `time_field` (in `time_unit`, or by size) up to `latest_ms`, beyond which a stamp is a
    dead letter that moves nothing; it is −1, Kafka's "no timestamp", before the first time.
    """

    topic: str
    time_field: str = "time"
    time_unit: str = ""
    partitions: int = 1
    key: str = ""
    latest_ms: int = 2**62


class BareEvents:
    """Gives the payloads of a recording, in order, their place in the log."""

    def __init__(self, source: BareSource) -> None:
        """Raises UnreadableInput where events can't be placed: no time of their own, or no key to spread them by."""
        if source.time_field == KAFKA_TIME:
            raise UnreadableInput(f"events of {source.topic} need the record timestamp, which bare events don't have")
        if source.partitions > 1 and not source.key:
            raise UnreadableInput(f"events of {source.topic} can't be spread: their source declares no `key:`")
        self._source = source
        self._names = [source.time_field, *([source.key] if source.partitions > 1 else [])]
        layout = build_layout(dict.fromkeys(self._names, _SCALAR))
        if layout is None:
            raise UnreadableInput(f"the fields `{source.time_field}` and `{source.key}` lie within each other")
        self._layout: Layout = layout
        self._latest = NO_TIMESTAMP
        self._partition_of_text = _PartitionOfText(source.partitions)
        self._offsets = [0] * source.partitions

    def place(self, payloads: Sequence[bytes]) -> Iterator[RawBatch]:
        """One batch for each partition that the payloads touch, in ascending order."""
        if not payloads:
            return
        slices = [self._read(payloads[at : at + SLICE]) for at in range(0, len(payloads), SLICE)]
        stamps, partition = (np.concatenate(parts) for parts in zip(*slices, strict=True))
        if self._source.partitions == 1:
            yield self._batch(0, payloads, stamps)
            return
        for number in np.unique(partition).tolist():
            rows = np.flatnonzero(partition == number)
            yield self._batch(number, list(map(payloads.__getitem__, rows.tolist())), stamps[rows])

    def _read(self, payloads: Sequence[bytes]) -> tuple[Times, Rows]:
        """Record timestamps and partitions."""
        objects, torn, doubtful = decode_all(list(payloads), self._layout)
        for row in sorted(torn + doubtful):
            objects.insert(row, self._layout.empty)
        time, *keys = self._layout.columns(objects).values()
        partition = self._partitions(keys[0]) if keys else np.zeros(len(payloads), np.intp)
        return self._stamps(time), partition

    def _batch(self, partition: int, payloads: Sequence[bytes], stamps: Times) -> RawBatch:
        first = self._offsets[partition]
        self._offsets[partition] = end = first + len(payloads)
        return RawBatch(self._source.topic, partition, payloads, range(first, end), stamps.tolist())

    def _stamps(self, values: Sequence[Any]) -> Times:
        times = parse_times([None if type(value) is bool else value for value in values], self._source.time_unit)
        moves = ~unreadable(times) & (times <= self._source.latest_ms)
        stamps = np.maximum.accumulate(np.where(moves, times, NO_TIMESTAMP).clip(min=self._latest))
        self._latest = int(stamps[-1]) if len(stamps) else self._latest
        return stamps

    def _partitions(self, keys: Sequence[Any]) -> Rows:
        known = self._partition_of_text
        known.shorten()
        texts = keys if set(map(type, keys)) <= {str, NoneType} else map(_key_text, keys)
        return np.fromiter(map(known.__getitem__, texts), np.intp, len(keys))


class _PartitionOfText(dict[str | None, int]):
    """Hashes each key once; null lies in partition 0."""

    def __init__(self, partitions: int) -> None:
        super().__init__()
        self._partitions = partitions

    def __missing__(self, key: str | None) -> int:
        found = self[key] = 0 if key is None else partition_of(key.encode(), self._partitions)
        return found

    def shorten(self) -> None:
        if len(self) > _MAX_KEYS:
            self.clear()


def _key_text(key: object) -> str | None:
    match key:
        case None:
            return None
        case bool():
            return "true" if key else "false"
        case _:
            return str(key)
