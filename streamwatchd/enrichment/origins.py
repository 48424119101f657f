"""Where the rows of a table come from that is no file: a query, or a compacted topic. They come as NDJSON, in an order
of their own, so that equal rows give equal bytes."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Protocol
from uuid import UUID

import msgspec

from streamwatchd.enrichment.fetched import Fetch
from streamwatchd.environment import put_in
from streamwatchd.errors import StateMismatch, Unavailable
from streamwatchd.ports.database import Database
from streamwatchd.ports.kafka import Kafka, Partition, split

MOST_ROWS = 5_000_000
_TAKE = 10_000
_PATIENCE_S = 10.0
_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(dict[str, Any]).decode


class Origin(Protocol):
    def rows(self) -> bytes:
        """All rows as they are now. Raises Unavailable with what is wrong, also where there are none: an empty answer
        is more often a broken query than an empty network."""

    def close(self) -> None: ...


def origin_of(fetch: Fetch, kafka: Kafka, database: Database) -> Origin:
    return TopicOrigin(fetch, kafka) if fetch.topic else QueryOrigin(fetch, database)


class QueryOrigin:
    """Asks anew each time."""

    def __init__(self, fetch: Fetch, database: Database, environment: Mapping[str, str] = os.environ) -> None:
        self._fetch, self._database, self._environment = fetch, database, environment

    def rows(self) -> bytes:
        found = self._database.rows(self._address(), self._fetch.query, MOST_ROWS)
        names = [str(name) for name in found.columns]
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise Unavailable(f"the query gives two columns `{twice[0]}`: name one of them with AS")
        return _lines({name: _plain(value) for name, value in zip(names, row, strict=True)} for row in found.rows)

    def _address(self) -> str:
        def unread(found: re.Match[str]) -> None:
            raise Unavailable(f"`database` has `{found[0]}`, which can't be read: write `${{env:NAME}}`")

        def unset(found: re.Match[str]) -> None:
            raise Unavailable(f"`database` reads the variable {found[1]}, which is not set")

        return put_in(self._fetch.database, self._environment, unread=unread, unset=unset)

    def close(self) -> None:
        """Nothing is open between two queries."""


class TopicOrigin:
    """Of each key of a topic the newest record that is committed; one without a value takes the key away.

    It reads on from where it was, and knows the rows in between. A record that is no JSON object counts as `refused`,
    and the row before it stays.
    """

    def __init__(self, fetch: Fetch, kafka: Kafka) -> None:
        self._fetch, self._kafka = fetch, kafka
        self._rows: dict[bytes, dict[str, Any]] = {}
        self._positions: dict[Partition, int] = {}
        self.refused = 0

    def rows(self) -> bytes:
        try:
            self._read_on()
        except StateMismatch:
            self._rows.clear()
            self._positions.clear()  # the topic was made anew, or its records are gone
            try:
                self._read_on()
            except StateMismatch as error:
                raise Unavailable(f"topic {self._fetch.topic}: {error}") from error
        return _lines(self._rows.values())

    def _read_on(self) -> None:
        topic, admin = self._fetch.topic, self._kafka.admin()
        try:
            count = admin.partitions_of([topic]).get(topic)
            if count is None:
                raise Unavailable(f"there is no topic {topic}")
            partitions = [Partition(topic, number) for number in range(count)]
            begin = admin.beginning_offsets(partitions)
            ends = admin.end_offsets(partitions, read_committed=True)
        finally:
            admin.close()
        start = {each: self._positions.get(each, begin[each]) for each in partitions}
        if any(ends[each] < at for each, at in start.items()):
            raise StateMismatch(f"{topic} is shorter than it was")
        pending = {each: at for each, at in start.items() if at < ends[each]}
        if pending:
            self._read(pending, ends)
        self._positions = dict(ends)

    def _read(self, pending: Mapping[Partition, int], ends: Mapping[Partition, int]) -> None:
        reader = self._kafka.reader()
        try:
            reader.assign(pending)
            while any(reader.positions().get(each, at) < ends[each] for each, at in pending.items()):
                taken = reader.take(_TAKE, _PATIENCE_S)
                for batch in taken.batches:
                    mine = split(batch, ends[Partition(batch.topic, batch.partition)])[0]
                    for key, payload in zip(mine.keys or [None] * len(mine), mine.payloads, strict=True):
                        self._take(key, payload)
                if not taken.batches and not taken.at_end:
                    raise Unavailable(f"topic {self._fetch.topic} gives no records for {_PATIENCE_S:.0f} s")
        finally:
            reader.close()

    def _take(self, key: bytes | None, payload: bytes | None) -> None:
        name = key or b""
        if not payload:
            self._rows.pop(name, None)
            return
        try:
            row = _decode(payload)
            if self._fetch.key and key is not None:
                row = {self._fetch.key: key.decode()} | row
            self._rows[name] = row
        except (msgspec.DecodeError, UnicodeDecodeError):
            self.refused += 1

    def close(self) -> None:
        """Its reader is closed after each reading."""


def _lines(rows: Iterable[Mapping[str, Any]]) -> bytes:
    found = sorted(_encode(row) for row in rows)
    if not found:
        raise Unavailable("no rows came")
    return b"\n".join(found) + b"\n"


def _plain(value: Any) -> Any:
    """As JSON has it: what a database says of numbers, times and identities."""
    match value:
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case datetime() | date():
            return value.isoformat()
        case UUID():
            return str(value)
        case bytes():
            return value.decode("utf-8", "replace")
        case None | bool() | int() | float() | str():
            return value
        case _:
            return str(value)
