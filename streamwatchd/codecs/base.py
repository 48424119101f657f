"""What every codec of the shelf gives, and where a source's `format:` finds it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from streamwatchd.batch import Decoded, RawBatch
from streamwatchd.lang.typed import Kind

KAFKA_TIME = "kafka"


@dataclass(frozen=True, slots=True)
class EventSchema:
    """What a decoder is asked for.

    `declared` are all fields of the source's `fields:`: they are decoded and checked always. `inferred` are the
    undeclared fields that rules read. `time_field` is a field, or "kafka" for the record timestamp; `time_unit` is
    "s", "ms", "us", "ns" or "" (found by size). Payloads of more than `max_bytes` are refused.
    """

    declared: Mapping[str, Kind] = field(default_factory=dict)
    inferred: Mapping[str, Kind] = field(default_factory=dict)
    time_field: str = "time"
    time_unit: str = ""
    max_bytes: int = 1_048_576


class Decoder(Protocol):
    """Decodes the records of one source. It may keep state that speeds it up, none that changes a result."""

    def decode(self, raw: RawBatch, now_ms: int, max_future_ms: int) -> Decoded:
        """Rows in offset order, and the refused records. Stamps beyond `now_ms + max_future_ms` are refused."""
