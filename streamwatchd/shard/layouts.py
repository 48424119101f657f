"""What is kept of moves in the journal topic: one record each, in the transaction that puts the new layout in force."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import msgspec

from streamwatchd.errors import StateMismatch
from streamwatchd.ports.kafka import Kafka, Partition, Record
from streamwatchd.shard.journal import payloads
from streamwatchd.shard.owner import Layout

_FORMAT = 1
_PREFIX = b"layout/"


class _Raw(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    format: int
    app: str
    before: tuple[int, int]
    after: tuple[int, int]
    base: int
    epochs: dict[int, int]
    counts: dict[str, int] = {}
    starts: list[tuple[str, int, int]] = []


@dataclass(frozen=True, slots=True)
class Move:
    """`epochs`: of each shard before that had committed anything, the last one. Those after go on from `base`.

    `counts`: partition counts of topics as they were before, where they are others now. `starts`: partitions that do
    not go on where they stood, by an operator's word, and where they go on.
    """

    before: Layout
    after: Layout
    base: int
    epochs: Mapping[int, int]
    counts: Mapping[str, int] = field(default_factory=dict)
    starts: Mapping[Partition, int] = field(default_factory=dict)

    def record(self, topic: str, app: str) -> Record:
        before, after = self.before, self.after
        starts = [(each.topic, each.partition, at) for each, at in self.starts.items()]
        raw = _Raw(
            _FORMAT, app, (before.generation, before.shards), (after.generation, after.shards), self.base,
            dict(self.epochs), dict(self.counts), starts,
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
                starts = {Partition(topic, number): at for topic, number, at in raw.starts}
                before, after = Layout(*raw.before), Layout(*raw.after)
                found[raw.after[0]] = Move(before, after, raw.base, raw.epochs, raw.counts, starts)
    return found
