"""Whether an alarm ever was: its events stand in the topics of alerts, whichever shard wrote them, before or after a
restart. Looked for from the newest on, as a verdict comes soon after its alarm."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import msgspec

from streamwatchd.errors import Unavailable
from streamwatchd.ports.clock import Clock
from streamwatchd.ports.kafka import Kafka, Partition, Reader

_FIRST_STEP, _GROWTH = 10_000, 4
"""Records of a partition that are read first; each step back is longer than the one before."""
_MOST, _TAKE_S, _PATIENCE_S = 10_000, 0.5, 30.0


class _Event(msgspec.Struct):
    id: str = ""
    rule: str = ""


_decode = msgspec.json.Decoder(_Event).decode


@dataclass(frozen=True, slots=True)
class Found:
    """`rule` wrote the newest event that was found of the alarm, None: there is none. `complete`: every event that ever
    was is still retained."""

    rule: str | None
    complete: bool


def find(kafka: Kafka, clock: Clock, topics: Sequence[str], alarm: str) -> Found:
    """Topics that are not there hold nothing. Raises Unavailable; StateMismatch where records go as they are read."""
    admin = kafka.admin()
    try:
        facts = admin.describe(topics)
        partitions = [Partition(topic, number) for topic in facts for number in range(facts[topic].partitions)]
        begins = admin.beginning_offsets(partitions)
        ends = admin.end_offsets(partitions, read_committed=True)
    finally:
        admin.close()
    complete = not any(begins.values())
    step, reader = _FIRST_STEP, kafka.reader()
    try:
        while spans := {each: (max(begins[each], ends[each] - step), ends[each])
                        for each in partitions if begins[each] < ends[each]}:  # fmt: skip
            rule = _read(reader, clock, spans, alarm)
            if rule is not None:
                return Found(rule, complete)
            ends, step = {**ends, **{each: first for each, (first, _) in spans.items()}}, step * _GROWTH
    finally:
        reader.close()
    return Found(None, complete)


def _read(reader: Reader, clock: Clock, spans: Mapping[Partition, tuple[int, int]], alarm: str) -> str | None:
    """The rule of the alarm, if one of its events lies in these spans."""
    reader.assign({each: first for each, (first, _) in spans.items()})
    deadline, wanted = clock.monotonic() + _PATIENCE_S, alarm.encode()
    while True:
        batches = reader.take(_MOST, _TAKE_S).batches
        for batch in batches:
            for payload in batch.payloads:
                if payload is not None and wanted in payload and (rule := _rule_of(payload, alarm)):
                    return rule
        at = reader.positions()
        if all(at[each] >= end for each, (_, end) in spans.items()):
            return None
        deadline = clock.monotonic() + _PATIENCE_S if batches else deadline
        if clock.monotonic() > deadline:
            raise Unavailable(f"the alerts in {', '.join(sorted({each.topic for each in spans}))} can't be read")


def _rule_of(payload: bytes, alarm: str) -> str:
    """Empty where the event is of another alarm."""
    try:
        event = _decode(payload)
    except msgspec.DecodeError:
        return ""
    return event.rule if event.id == alarm else ""
