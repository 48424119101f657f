"""The exchange: what tasks send to tasks of later stages, as packed records.

Records carry what one feeder says to one partition, in order: final panes, rows, watermarks. What would make a record
too large for Kafka is cut into parts. All that concerns one key goes to one partition: BLAKE2b-64 of the route's key
values modulo the partition count.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from streamwatchd.batch import Frame, to_values
from streamwatchd.operators.asking import BEGINNING, FOREVER
from streamwatchd.operators.family import Family
from streamwatchd.operators.flow import Flow
from streamwatchd.operators.keyspace import KeyNumbers, KeySpace, KeyTuple, key_hash
from streamwatchd.operators.late import Partial
from streamwatchd.operators.ordering import pack_frame, unpack_frame
from streamwatchd.operators.panes import Pane, pack_pane, unpack_pane
from streamwatchd.operators.sending import Outbox
from streamwatchd.operators.spec import RowFeedSpec
from streamwatchd.packing import pack, unpack
from streamwatchd.shard.output import ExchangeRecord, TaskId

Index = npt.NDArray[np.intp]


def feeder_name(task: TaskId) -> str:
    return f"{task.stage}/{task.topic}/{task.partition}"


@dataclass(frozen=True, slots=True)
class PaneItem:
    """The final word on a pane, or part `part` of it: a pane of many keys comes in several.

    `since_ms` is when the feeder's family began: one that ended and came back may speak twice of a pane.
    """

    family: str
    since_ms: int
    index: int
    part: int
    keys: list[Any]
    pane: Any


@dataclass(frozen=True, slots=True)
class LateItem:
    """The final word on what came late for a pane, of one slot (`operators.late`), or part `part` of it."""

    family: str
    since_ms: int
    slot_ms: int
    index: int
    part: int
    keys: list[Any]
    pane: Any


@dataclass(frozen=True, slots=True)
class PromiseItem:
    """The feeder's family began at `since_ms` and is filled: all its panes that start at or after `from_ms` follow."""

    family: str
    since_ms: int
    from_ms: int


@dataclass(frozen=True, slots=True)
class RowsItem:
    feed: str
    frame: Any


@dataclass(frozen=True, slots=True)
class BeginningItem:
    """Where the feeder's time began: the first instant after its first watermark."""

    stream: str
    limit_ms: int


@dataclass(frozen=True, slots=True)
class WatermarkItem:
    stream: str
    watermark_ms: int


Put = Callable[[int, int, bytes], None]
"""Stage, partition, packed item."""
Make = Callable[[int, Index], list[Any]]
"""The item of some keys or rows; the number says which of the whole is the first."""

_KEYS_AT_MOST = 1_000
_BYTES_AT_MOST = 256_000

Item = PaneItem | LateItem | PromiseItem | RowsItem | BeginningItem | WatermarkItem


class Sender:
    """Turns the outbox of a task into exchange records."""

    def __init__(self, task: TaskId, flow: Flow, partitions: int) -> None:
        self._feeder, self._flow, self.partitions = feeder_name(task), flow, partitions
        self._routes: dict[tuple[int, tuple[int, ...]], KeyNumbers] = {}

    def records(self, outbox: Outbox) -> list[ExchangeRecord]:
        """Empties what the outbox holds for later stages; records stay far below what a broker takes."""
        letters: dict[tuple[int, int], _Letters] = {}

        def put(stage: int, partition: int, packed: bytes) -> None:
            letters.setdefault((stage, partition), _Letters()).put(packed)

        for family, from_ms in outbox.promises:
            for partition in range(self.partitions):
                put(self._flow.wiring.targets[family.spec.id], partition, pack(["f", _name(family), from_ms]))
        for family, index, pane in outbox.panes:
            self._put_pane(put, family, ["p", _name(family), index], pane)
        for family, slot, index, pane in outbox.late:
            self._put_pane(put, family, ["l", _name(family), slot, index], pane)
        for feed, frame in outbox.rows:
            self._put_rows(put, feed, frame)
        for stream, limit in outbox.begun:
            for stage in self._flow.wiring.stages_of(stream):
                for partition in range(self.partitions):
                    put(stage, partition, pack(["b", stream, limit]))
        for stream, watermark in outbox.watermarks:
            for stage in self._flow.wiring.stages_of(stream):
                for partition in range(self.partitions):
                    put(stage, partition, pack(["w", stream, watermark]))
        outbox.panes, outbox.late, outbox.rows, outbox.begun, outbox.watermarks = [], [], [], [], []
        outbox.promises = []
        self._flow.packed()
        return [
            ExchangeRecord(stage, partition, pack([self._feeder, items]))
            for (stage, partition), mine in sorted(letters.items())
            for items in mine.parts
        ]

    def _put_pane(self, put: Put, family: Family, head: list[Any], pane: Pane) -> None:
        spec, space = family.spec, family.space
        here = np.flatnonzero(pane.count)
        if not len(here):
            return
        targets = self._partitions(space, spec.route or ())[here]

        def item(part: int, chosen: Index) -> list[Any]:
            keys = [list(space.keys[key]) for key in chosen.tolist()]
            return [*head, part, keys, pack_pane(pane.covering(chosen).take(chosen))]

        for partition in np.unique(targets).tolist():
            for packed in _pieces(here[targets == partition], item):
                put(self._flow.wiring.targets[spec.id], partition, packed)

    def _partitions(self, space: KeySpace, route: tuple[int, ...]) -> npt.NDArray[np.int64]:
        handle = (id(space), route)
        if handle not in self._routes:

            def partition_of(key: KeyTuple) -> int:
                return key_hash(tuple(key[i] for i in route)) % self.partitions

            self._routes[handle] = KeyNumbers(space, partition_of)
        return self._routes[handle].follow()

    def _put_rows(self, put: Put, feed: RowFeedSpec, frame: Frame) -> None:
        if feed.everywhere:
            packed = pack(["r", feed.name, pack_frame(frame)])
            for partition in range(self.partitions):
                put(self._flow.wiring.targets[feed.name], partition, packed)
            return
        columns = [to_values(frame.columns[name]) for name in feed.route]
        keys = list(zip(*columns, strict=True)) if columns else [()] * len(frame)
        partition_of = {key: key_hash(key) % self.partitions for key in set(keys)}
        targets = np.array([partition_of[key] for key in keys])
        for partition in np.unique(targets).tolist():
            mine = np.flatnonzero(targets == partition)
            for packed in _pieces(mine, lambda _, rows: ["r", feed.name, pack_frame(frame.take(rows))]):
                put(self._flow.wiring.targets[feed.name], partition, packed)


def _pieces(chosen: Index, item: Make) -> Iterator[bytes]:
    """Packed items of the keys or rows in their order, halved until they fit; a single one is what it is."""
    todo = [(first, chosen[first : first + _KEYS_AT_MOST]) for first in range(0, len(chosen), _KEYS_AT_MOST)][::-1]
    while todo:
        first, some = todo.pop()
        packed = pack(item(first, some))
        if len(packed) <= _BYTES_AT_MOST or len(some) == 1:
            yield packed
        else:
            middle = len(some) // 2
            todo += [(first + middle, some[middle:]), (first, some[:middle])]


class _Letters:
    """Packed items in the order in which they are put, in records of bounded size."""

    def __init__(self) -> None:
        self.parts: list[list[bytes]] = [[]]
        self._size = 0

    def put(self, packed: bytes) -> None:
        if self._size and self._size + len(packed) > _BYTES_AT_MOST:
            self.parts.append([])
            self._size = 0
        self.parts[-1].append(packed)
        self._size += len(packed)


def read_record(payload: bytes) -> tuple[str, list[Item]]:
    """The feeder and what it says, in order."""
    feeder, parts = unpack(payload)
    items: list[Item] = []
    for packed in parts:
        match unpack(packed):
            case ["p", family, index, part, keys, pane]:
                items.append(PaneItem(*_named(family), index, part, keys, pane))
            case ["l", family, slot, index, part, keys, pane]:
                items.append(LateItem(*_named(family), slot, index, part, keys, pane))
            case ["f", family, from_ms]:
                items.append(PromiseItem(*_named(family), from_ms))
            case ["r", feed, frame]:
                items.append(RowsItem(feed, frame))
            case ["b", stream, limit]:
                items.append(BeginningItem(stream, limit))
            case ["w", stream, watermark]:
                items.append(WatermarkItem(stream, watermark))
    return feeder, items


def _name(family: Family) -> str:
    """With the instant at which it began: `id@ms`, `id@` from the beginning on."""
    return f"{family.spec.id}@" + ("" if family.since_ms == BEGINNING else str(family.since_ms))


def _named(name: str) -> tuple[str, int]:
    """The inverse; names without an instant, as they once were, are those of the newest family."""
    family, mark, since = name.rpartition("@")
    return (family, int(since or BEGINNING)) if mark else (name, FOREVER)


def partial_of(item: PaneItem | LateItem, family: Family) -> Partial:
    return Partial(
        [tuple(key) for key in item.keys], unpack_pane(item.pane, family.finest.accumulations, len(item.keys))
    )


def keys_in(item: Item) -> int:
    """How many keys an item can have, at most."""
    match item:
        case PaneItem() | LateItem():
            return len(item.keys)
        case RowsItem():
            return len(item.frame[0])
    return 0


def frame_of(item: RowsItem) -> Frame:
    return unpack_frame(item.frame)
