"""No output is too large for Kafka, and what is cut says so."""

from __future__ import annotations

import pytest

from streamwatchd.ports.kafka import Record
from streamwatchd.shard.fitting import fitting_document, fitting_letter, largest_record

MOST = 1_000_000
WHERE = (("topic", b"in"), ("partition", b"3"), ("offset", b"7"), ("reason", b"too_large"))


def size(record: Record) -> int:
    return sum(map(len, (record.key or b"", record.value or b"", *(part for h in record.headers for part in h))))


@pytest.mark.parametrize("value", [None, b"", b"{", bytes(900_000)])
def test_what_fits_stays_as_it_is(value: bytes | None) -> None:
    """A null payload too."""
    record = Record("dead", value, b"k", headers=WHERE)
    assert fitting_letter(record, MOST) is record


@pytest.mark.parametrize("length", [MOST, 10 << 20])
def test_a_large_payload_is_cut_and_its_length_told(length: int) -> None:
    """The coordinates lead to the whole of it."""
    found = fitting_letter(Record("dead", b"x" * length, b"k", headers=WHERE), MOST)
    assert 0.99 * MOST < size(found) <= MOST
    assert found.headers == (*WHERE, ("length", str(length).encode()))
    assert (found.topic, found.key) == ("dead", b"k")


def test_a_large_key_is_left_out() -> None:
    """A small payload beside it is whole."""
    found = fitting_letter(Record("dead", b"{}", bytes(2 * MOST), headers=WHERE), MOST)
    assert (found.key, found.value, found.headers[-1]) == (None, b"{}", ("key_length", b"2000000"))
    both = fitting_letter(Record("dead", bytes(2 * MOST), bytes(2 * MOST), headers=WHERE), MOST)
    assert size(both) <= MOST


def test_a_document_that_does_not_fit_is_a_dead_letter() -> None:
    """With the topic that it was for; one that fits goes out as it is."""
    alert = Record("alerts", b'{"message": "' + b"x" * MOST, b"key")
    found = fitting_document(alert, MOST, "dead")
    assert (found.topic, found.key, dict(found.headers)["topic"]) == ("dead", None, b"alerts")
    assert dict(found.headers)["reason"] == b"too_large: a record of 1000016 bytes for alerts"
    assert size(found) <= MOST
    assert (found.value or b"").startswith(b'{"message": "xxx')
    small = Record("alerts", b"{}", b"key")
    assert fitting_document(small, MOST, "dead") is small


def test_the_limit_is_the_clients() -> None:
    """`message.max.bytes` under `kafka:`, else librdkafka's own."""
    assert largest_record({}) == 1_000_000
    assert largest_record({"message.max.bytes": 5_000_000}) == 5_000_000
