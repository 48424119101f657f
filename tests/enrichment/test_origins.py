"""Rows of tables from queries and topics, as the copies have them."""

from __future__ import annotations

import datetime
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from streamwatchd.enrichment.fetched import Fetch
from streamwatchd.enrichment.origins import QueryOrigin, TopicOrigin
from streamwatchd.errors import Unavailable
from streamwatchd.ports.database import Rows
from streamwatchd.ports.fake_kafka import FakeKafka
from streamwatchd.ports.kafka import NewTopic, Partition, Record

TOPIC = "inventory"


@dataclass
class Said:
    """A database that answers so, and remembers where it was asked."""

    columns: Sequence[str]
    rows_: Sequence[Sequence[Any]]
    urls: list[str] = field(default_factory=list)

    def rows(self, url: str, query: str, most: int) -> Rows:
        self.urls.append(url)
        return Rows(self.columns, self.rows_)


def asked(said: Said, database: str = "sqlite://") -> list[dict[str, Any]]:
    fetch = Fetch("t", "host", 1_000, query="SELECT", database=database)
    lines = QueryOrigin(fetch, said, {"WORD": "secret", "NONE": ""}).rows().decode().splitlines()
    return [json.loads(line) for line in lines]


def test_values_of_a_database_are_as_json_has_them() -> None:
    """Whole decimals are whole numbers; times are ISO-8601."""
    when = datetime.datetime(2026, 1, 5, 10, tzinfo=datetime.UTC)
    row = ["a", 5, 1.5, Decimal("2.50"), Decimal("3.00"), None, True, when, UUID(int=1), b"x"]
    names = list("abcdefghij")
    assert asked(Said(names, [row])) == [
        {
            "a": "a", "b": 5, "c": 1.5, "d": 2.5, "e": 3, "f": None, "g": True, "h": "2026-01-05T10:00:00+00:00",
            "i": "00000000-0000-0000-0000-000000000001", "j": "x",
        }
    ]  # fmt: skip


def test_equal_rows_give_equal_bytes_in_whatever_order_they_come() -> None:
    """So a query without ORDER BY changes nothing each time."""
    rows = [["a", 1], ["b", 2], ["c", 3]]
    assert asked(Said(["host", "n"], rows)) == asked(Said(["host", "n"], rows[::-1]))


def test_passwords_come_from_the_environment_when_they_are_needed() -> None:
    """One that is not set is named."""
    said = Said(["host"], [["a"]])
    asked(said, "pg://noc:${env:WORD}@db/x")
    asked(said, "pg://noc:${env:NONE:-fallback}@db/x")
    assert said.urls == ["pg://noc:secret@db/x", "pg://noc:fallback@db/x"]
    with pytest.raises(Unavailable, match="OTHER, which is not set"):
        asked(said, "pg://noc:${env:OTHER}@db/x")
    with pytest.raises(Unavailable, match="WORD}`, which can't be read"):
        asked(said, "pg://noc:${WORD}@db/x")


def test_no_rows_and_two_columns_of_a_name_are_refused() -> None:
    """The rows before them stay then."""
    with pytest.raises(Unavailable, match="no rows"):
        asked(Said(["host"], []))
    with pytest.raises(Unavailable, match="two columns `host`"):
        asked(Said(["host", "host"], [["a", "b"]]))


class Topic:
    """A topic in memory, its writer and a table of it."""

    def __init__(self, partitions: int = 2) -> None:
        self.kafka = FakeKafka()
        self.partitions = partitions
        self.make()
        self.origin = TopicOrigin(Fetch("t", "host", 1_000, topic=TOPIC), self.kafka)

    def make(self) -> None:
        self.kafka.admin().ensure_topics([NewTopic(TOPIC, self.partitions)])

    def send(self, key: str, value: bytes | None) -> None:
        writer = self.kafka.plain_writer()
        writer.send([Record(TOPIC, value, key.encode())])
        writer.flush(5)
        writer.close()

    def rows(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.origin.rows().decode().splitlines()]


def test_of_each_key_the_newest_record_counts() -> None:
    """The key is its column; a record without a value takes the row away, and later readings go on from there."""
    topic = Topic()
    topic.send("a", b'{"role": "edge"}')
    topic.send("b", b'{"role": "core", "host": "b"}')
    assert topic.rows() == [{"host": "a", "role": "edge"}, {"host": "b", "role": "core"}]
    topic.send("a", b'{"role": "core"}')
    topic.send("b", None)
    topic.send("c", b'{"role": "edge"}')
    assert topic.rows() == [{"host": "a", "role": "core"}, {"host": "c", "role": "edge"}]
    assert topic.rows() == [{"host": "a", "role": "core"}, {"host": "c", "role": "edge"}]


def test_a_record_that_is_no_object_leaves_the_row_before_it() -> None:
    """And is counted."""
    topic = Topic()
    topic.send("a", b'{"role": "edge"}')
    topic.send("a", b"[1]")
    topic.send("b", b"{")
    assert topic.rows() == [{"host": "a", "role": "edge"}]
    assert topic.origin.refused == 2


def test_a_topic_that_is_made_anew_is_read_from_its_beginning() -> None:
    """Nothing of the old one stays."""
    topic = Topic(1)
    topic.send("a", b'{"role": "edge"}')
    topic.send("b", b'{"role": "edge"}')
    topic.rows()
    topic.origin._kafka = Topic(1).kafka
    with pytest.raises(Unavailable, match="no rows"):
        topic.rows()


def test_no_topic_and_no_rows_are_said() -> None:
    """By its name."""
    with pytest.raises(Unavailable, match="there is no topic inventory"):
        TopicOrigin(Fetch("t", "", 1_000, topic=TOPIC), FakeKafka()).rows()
    with pytest.raises(Unavailable, match="no rows"):
        Topic().origin.rows()


def test_the_key_stays_the_log_key_where_the_table_names_none() -> None:
    """Then the record's own fields are all there is."""
    topic = Topic()
    topic.origin = TopicOrigin(Fetch("t", "", 1_000, topic=TOPIC), topic.kafka)
    topic.send("a", b'{"site": "x"}')
    assert topic.rows() == [{"site": "x"}]
    assert Partition(TOPIC, 0) in topic.kafka.admin().beginning_offsets([Partition(TOPIC, 0)])
