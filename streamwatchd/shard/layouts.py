"""What is kept of moves in the journal topic: one record each, in the transaction that puts the new layout in force."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import msgspec

from streamwatchd.errors import StateMismatch
from streamwatchd.ports.kafka import Kafka, Partition, Record
from streamwatchd.shard.journal import payloads
from streamwatchd.shard.owner import Layout

_FORMAT = 1
_PREFIX = b"layout/"


class _Raw(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    format: int
    app: str
    before: tuple[int, int]
    after: tuple[int, int]
    base: int
    epochs: dict[int, int]


@dataclass(frozen=True, slots=True)
class Move:
    """`epochs`: of each shard before that had committed anything, the last one. Those after go on from `base`."""

    before: Layout
    after: Layout
    base: int
    epochs: Mapping[int, int]

    def record(self, topic: str, app: str) -> Record:
        before, after = self.before, self.after
        raw = _Raw(
            _FORMAT, app, (before.generation, before.shards), (after.generation, after.shards), self.base,
            dict(self.epochs),
        )  # fmt: skip
        return Record(topic, msgspec.msgpack.encode(raw), _PREFIX + str(after.generation).encode(), 0)


def moves(kafka: Kafka, journal: Partition, app: str) -> dict[int, Move]:
    """Those that the topic retains, by the generation they led to."""
    found: dict[int, Move] = {}
    for key, payload in payloads(kafka, journal):
        if key is not None and payload is not None and key.startswith(_PREFIX):
            try:
                raw = msgspec.msgpack.decode(payload, type=_Raw)
            except (msgspec.DecodeError, ValueError) as error:
                raise StateMismatch(f"a move in topic {journal.topic} can't be read: {error}") from error
            if raw.format == _FORMAT and raw.app == app:
                found[raw.after[0]] = Move(Layout(*raw.before), Layout(*raw.after), raw.base, raw.epochs)
    return found
