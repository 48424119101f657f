"""Which records are events: decoding, lateness, dead letters, enrichment; one partition at a time, in log order."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime

from streamwatchd.lang.typed import Kind, Type
from streamwatchd.rules.ruleset import Source, Table
from tests.oracle.evaluate import Cell, Tables, evaluate_row

NEVER = -(2**62)
MAX_TEXT = 65_536


@dataclass(frozen=True, slots=True)
class Record:
    payload: bytes | None
    offset: int
    timestamp: int


@dataclass(frozen=True, slots=True)
class MarkAt:
    """From here in the log the watermark is at least `watermark_ms`."""

    watermark_ms: int


LogItem = Record | MarkAt
Logs = Mapping[tuple[str, int], Sequence[LogItem]]


@dataclass(slots=True)
class Row:
    """An event: `place` is (topic, partition, offset), None for rows that rules made; `watermark` as it left it."""

    time: int
    fields: Mapping[str, Cell]
    place: tuple[str, int, int] | None = None
    watermark: int = NEVER
    window: tuple[int, int] | None = None
    sides: Mapping[str, Mapping[str, Cell]] | None = None
    memo: dict[object, Cell] = field(default_factory=dict)


@dataclass(slots=True)
class Partition:
    """What a partition of a stream holds: its events, and its watermark first and last."""

    rows: list[Row] = field(default_factory=list)
    first_watermark: int = NEVER
    begun: int = NEVER
    """The first watermark, be it of an event or of a mark."""
    watermark: int = NEVER
    late: list[dict[str, object]] = field(default_factory=list)
    late_rows: list[tuple[int, Row]] = field(default_factory=list)
    """With the first instant that the watermark had not passed when they came."""
    dead: list[dict[str, object]] = field(default_factory=list)
    marks: list[tuple[int, int]] = field(default_factory=list)


class Unfit(Exception):
    """A record that is a dead letter; the text is the stable reason."""


def read_partition(
    source: Source,
    partition: int,
    log: Sequence[LogItem],
    schemas: Mapping[str, Table],
    tables: Tables,
    horizon_ms: int | None = None,
) -> Partition:
    """`horizon_ms` is the latest stamp allowed (clock + max_future); None allows all."""
    found = Partition()
    for item in log:
        if isinstance(item, MarkAt):
            found.watermark = max(found.watermark, item.watermark_ms)
            found.begun = found.watermark if found.begun == NEVER else found.begun
            found.marks.append((len(found.rows), found.watermark))
            continue
        place = {"source": source.name, "topic": source.topic, "partition": partition, "offset": item.offset}
        try:
            fields, time = decode(source, item)
            if horizon_ms is not None and time > horizon_ms:
                raise Unfit("future_time")
        except Unfit as reason:
            found.dead.append(place | {"payload": item.payload, "reason": str(reason)})
            continue
        before = found.watermark
        found.watermark = max(before, time - source.max_delay_ms)
        found.begun = found.watermark if found.begun == NEVER else found.begun
        if found.first_watermark == NEVER:
            found.first_watermark = found.watermark
        if time <= before:
            found.late.append(place | {"payload": item.payload, "time": time, "watermark": before})
            if _kept(source, fields, schemas, tables, time):
                found.late_rows.append((before + 1, Row(time, fields)))
        elif _kept(source, fields, schemas, tables, time):
            found.rows.append(Row(time, fields, (source.topic, partition, item.offset), found.watermark))
        else:
            found.marks.append((len(found.rows), found.watermark))
    return found


def decode(source: Source, record: Record) -> tuple[dict[str, Cell], int]:
    """Declared and inferred fields (None where absent or unfit) and the event time in ms."""
    document = _object(record.payload)
    fields: dict[str, Cell] = {}
    for name, declared in source.fields.items():
        value = document.get(name)
        if value is not None and not _fits(value, declared.type):
            raise Unfit("wrong_type")
        if is_long(value):
            raise Unfit("too_long")
        fields[name] = _cell(value)
    for name, kind in source.inferred.items():
        if name not in fields:
            value = document.get(name)
            fields[name] = _cell(value) if value is not None and _fits(value, kind) and not is_long(value) else None
    if source.time == "kafka":
        return fields, record.timestamp
    return fields, parse_time(document.get(source.time), source.time_unit)


def _object(payload: bytes | None) -> dict[str, object]:
    """The payload as one JSON object; of duplicate fields the last counts."""
    if payload is None or not payload.strip():
        raise Unfit("empty")
    try:
        document = json.loads(payload.decode("utf-8"), parse_constant=_refuse)
    except UnicodeDecodeError:
        raise Unfit("bad_utf8") from None
    except (ValueError, RecursionError):
        raise Unfit("bad_json") from None
    if not isinstance(document, dict):
        raise Unfit("not_an_object")
    return document


def parse_time(value: object, unit: str) -> int:
    """ISO-8601 text, or a number in `unit` ("" = by its size), as whole ms rounded down."""
    if isinstance(value, str):
        try:
            when = datetime.fromisoformat(value)
        except ValueError:
            raise Unfit("bad_time") from None
        when = when if when.tzinfo else when.replace(tzinfo=UTC)
        since = when - datetime(1970, 1, 1, tzinfo=UTC)
        return (since.days * 86_400 + since.seconds) * 1_000 + since.microseconds // 1_000
    if value is None or isinstance(value, bool) or not isinstance(value, int | float):
        raise Unfit("missing_time" if value is None else "bad_time")
    if not unit:
        unit = next((name for name, top in (("s", 5e9), ("ms", 5e12), ("us", 5e15)) if abs(value) < top), "ns")
    return math.floor({"s": value * 1_000, "ms": value, "us": value / 1_000, "ns": value / 1_000_000}[unit])


def _refuse(name: str) -> object:
    raise ValueError(name)


def _fits(value: object, kind: Type) -> bool:
    match kind.kind:
        case Kind.NUMBER:
            return isinstance(value, int | float) and not isinstance(value, bool)
        case Kind.STRING:
            return isinstance(value, str)
        case Kind.BOOL:
            return isinstance(value, bool)


def is_long(value: object) -> bool:
    """Texts have at most `MAX_TEXT` characters."""
    return isinstance(value, str) and len(value) > MAX_TEXT


def _cell(value: object) -> Cell:
    if isinstance(value, int) and not isinstance(value, bool):
        return float(value)
    return value  # type: ignore[return-value]


def _kept(source: Source, fields: Mapping[str, Cell], schemas: Mapping[str, Table], tables: Tables, time: int) -> bool:
    if not _sampled(source, fields):
        return False
    if source.drop is not None and evaluate_row(source.drop, Row(time, fields), schemas, tables) is True:
        return False
    return not any(
        schemas[join.table].missing == "drop" and tables.row(join.table, fields.get(join.on)) is None
        for join in source.enrich
    )


def _sampled(source: Source, fields: Mapping[str, Cell]) -> bool:
    """By the key's text; a null key counts as the empty text."""
    if source.sample >= 1:
        return True
    key = fields.get(source.key)
    text = b"" if key is None else Tables.text(key).encode()
    return int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "little") < source.sample * 2**64
