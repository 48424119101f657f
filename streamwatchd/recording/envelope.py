"""Envelopes: one record of Kafka as one line of JSON, exact to the byte in both directions."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Iterator, Sequence
from operator import attrgetter
from typing import Any

import msgspec

from streamwatchd.batch import RawBatch
from streamwatchd.errors import UnreadableInput
from streamwatchd.recording.items import Item, RecordedMark

_MAX_EMBEDDED_BRACKETS = 64  # beyond, a value is written as text: no reader's recursion limit is near


class Mark(msgspec.Struct, gc=False):
    stage: int
    topic: str
    partition: int
    offset: int
    watermark_ms: int


class Envelope(msgspec.Struct, gc=False):
    """A line: a record, or a mark (then the rest is not there)."""

    topic: str | None = None
    partition: int = -1
    offset: int = -1
    timestamp: int = -1
    key: str | None = None
    key_base64: str | None = None
    value: msgspec.Raw = msgspec.Raw(b"")
    value_base64: str | None = None
    mark: Mark | None = None


_decode = msgspec.json.Decoder(Envelope).decode
_decode_text = msgspec.json.Decoder(str).decode
_decode_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_encode = msgspec.json.Encoder().encode
_fields = attrgetter("topic", "partition", "offset", "timestamp")


class LineError(UnreadableInput):
    """Line `index` (from 0) of those given is no envelope."""

    def __init__(self, index: int, reason: str) -> None:
        super().__init__(reason)
        self.index = index
        self.reason = reason


def looks_like_envelope(line: bytes) -> bool:
    """Whether a line is an envelope or a mark rather than a bare event."""
    try:
        names = set(_decode_object(line))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    record = {"topic", "partition", "offset"} <= names and bool(names & {"value", "value_base64"})
    return record or names == {"mark"}


def read_envelopes(lines: Sequence[bytes]) -> Iterator[Item]:
    """Batches by (topic, partition), in the order of their first records, up to each mark; raises LineError."""
    envelopes: list[Envelope] = []
    try:
        envelopes.extend(map(_decode, lines))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise LineError(len(envelopes), f"no envelope: {error}") from None
    start = 0
    for index, mark in enumerate(map(attrgetter("mark"), envelopes)):
        if mark is not None:
            yield from _batches(envelopes[start:index], start)
            yield RecordedMark(mark.stage, mark.topic, mark.partition, mark.offset, mark.watermark_ms)
            start = index + 1
    yield from _batches(envelopes[start:], start)


def _batches(envelopes: Sequence[Envelope], first: int) -> Iterator[RawBatch]:
    groups: dict[tuple[str, int], list[tuple[bytes | None, int, int, bytes | None]]] = {}
    for index, envelope in enumerate(envelopes, first):
        topic, partition, offset, timestamp = _fields(envelope)
        if not topic or partition < 0 or offset < 0:
            raise LineError(index, "no envelope: it has no topic, partition or offset")
        record = (_payload(envelope, index), offset, timestamp, _key(envelope, index))
        groups.setdefault((topic, partition), []).append(record)
    for (topic, partition), records in groups.items():
        payloads, offsets, timestamps, keys = zip(*records, strict=True)
        yield RawBatch(topic, partition, payloads, offsets, timestamps, keys)


def _payload(envelope: Envelope, index: int) -> bytes | None:
    if envelope.value_base64 is not None:
        return _bytes(envelope.value_base64, index)
    value = bytes(envelope.value)
    if value[:1] == b"{":
        return value
    if value[:1] == b'"':
        return _text(value, index)
    if not value:
        raise LineError(index, "no envelope: it has no value")
    return None if value == b"null" else value


def _text(value: bytes, index: int) -> bytes:
    try:
        return _decode_text(value).encode()
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise LineError(index, f"no envelope: {error} (bytes that are not UTF-8 stand in value_base64)") from None


def _key(envelope: Envelope, index: int) -> bytes | None:
    if envelope.key_base64 is not None:
        return _bytes(envelope.key_base64, index)
    return None if envelope.key is None else envelope.key.encode()


def _bytes(text: str, index: int) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError) as error:
        raise LineError(index, f"no envelope: {error}") from None


def write_envelopes(raw: RawBatch) -> bytes:
    """A line a record."""
    keys: Sequence[bytes | None] = [None] * len(raw) if raw.keys is None else raw.keys
    lines = []
    for payload, offset, timestamp, key in zip(raw.payloads, raw.offsets, raw.timestamps, keys, strict=True):
        envelope: dict[str, Any] = {"topic": raw.topic, "partition": raw.partition, "offset": offset}
        envelope["timestamp"] = timestamp
        if key is not None:
            envelope.update(_as_text("key", key))
        if payload is not None and _embeds(payload):
            envelope["value"] = msgspec.Raw(payload)
        else:
            envelope.update({"value": None} if payload is None else _as_text("value", payload))
        lines.append(_encode(envelope) + b"\n")
    return b"".join(lines)


def _as_text(name: str, data: bytes) -> dict[str, str]:
    try:
        return {name: data.decode()}
    except UnicodeDecodeError:
        return {f"{name}_base64": base64.b64encode(data).decode()}


def _embeds(payload: bytes) -> bool:
    """Whether the payload can stand in the line as it is: one JSON object on one line, without blanks around it."""
    if payload[:1] != b"{" or payload[-1:] != b"}" or b"\n" in payload or b"\r" in payload:
        return False
    if payload.count(b"{") + payload.count(b"[") > _MAX_EMBEDDED_BRACKETS:
        return False
    try:
        payload.decode()
        _decode_object(payload)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return False
    return True
