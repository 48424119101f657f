"""What the daemon wrote of an alarm: how it stood at a past instant. A replay from some record on can't know what was
up before that record."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from streamwatchd.batch import Value
from streamwatchd.errors import UnreadableInput
from streamwatchd.ports.kafka import Kafka, Partition
from streamwatchd.shard.journal import payloads
from streamwatchd.testing.recorder import partitions_of

_BESIDE = ("storm", "amended")
"""Events that do not say how the alarm stands."""


@dataclass(frozen=True, slots=True)
class Written:
    """The lifecycle events that `topic` has of one alarm, in order; `is_whole`: none that it ever had has expired.

    Beside them a replay of the records from `from_ms` on, which judges a key as the daemon did once it has known it
    for `settling_ms`, when its windows are full.
    """

    topic: str
    documents: tuple[Mapping[str, Any], ...]
    is_whole: bool
    from_ms: int
    settling_ms: int


def says_how_it_stands(document: Mapping[str, object]) -> bool:
    return "state" in document and document.get("event") not in _BESIDE


def written_of(
    kafka: Kafka, topic: str, rule: str, key: Mapping[str, Value]
) -> tuple[tuple[Mapping[str, Any], ...], bool]:
    """The documents, and whether the topic still has all from its first on. Raises Unavailable."""
    try:
        count = partitions_of(kafka, [topic])[topic]
    except UnreadableInput:
        return (), False
    places = [Partition(topic, number) for number in range(count)]
    admin = kafka.admin()
    try:
        is_whole = not any(admin.beginning_offsets(places).values())
    finally:
        admin.close()
    return tuple(document for place in places for document in _of(kafka, place, rule, key)), is_whole


def _of(kafka: Kafka, place: Partition, rule: str, key: Mapping[str, Value]) -> Iterator[Mapping[str, Any]]:
    """All events of one rule and key lie in one partition, in the order in which they happened."""
    named = msgspec.json.encode(rule)
    for _, payload in payloads(kafka, place):
        if payload is None or named not in payload:
            continue
        try:
            document = msgspec.json.decode(payload, type=dict[str, Any])
        except msgspec.DecodeError:
            continue  # somebody else's record
        if document.get("rule") == rule and (document.get("key") == key or document.get("event") == "storm"):
            yield document
