"""Records that Kafka would refuse for their size: a payload is cut, a document becomes a dead letter.

A refused record would hold up its epoch for ever. What is cut stays whole in its source, at the coordinates that the
headers give.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from msgspec.structs import replace

from streamwatchd.ports.kafka import Record

OPTION = "message.max.bytes"
_DEFAULT_BYTES = 1_000_000
_LONGEST_KEY = 65_536
_SPARE = 1_024
"""For the headers that tell of a cut."""


def largest_record(options: Mapping[str, str | int | float | bool]) -> int:
    """Bytes that a record may have by the options of the client; brokers, as they come, take a little more."""
    return int(options.get(OPTION, _DEFAULT_BYTES))


def all_fit(values: Iterable[bytes | None], keys: Iterable[bytes | None], most: int) -> bool:
    """Whether letters with these certainly fit: their headers, which are short, are not looked at."""
    longest = sum(max(map(len, filter(None, part)), default=0) for part in (values, keys))
    return longest <= most // 2 - _LONGEST_KEY


def fitting_letter(record: Record, most: int) -> Record:
    """A late event or dead letter of at most `most` bytes.

    A payload that is cut has its full length in the header `length`; a key that is left out in `key_length`.
    """
    if _size(record) <= most - _SPARE:
        return record
    key, value, headers = record.key, record.value, record.headers
    if key is not None and len(key) > _LONGEST_KEY:
        headers = (*headers, ("key_length", str(len(key)).encode()))
        key = None
    room = most - _SPARE - _size(replace(record, key=key, value=None))
    if value is not None and len(value) > room:
        headers = (*headers, ("length", str(len(value)).encode()))
        value = value[: max(0, room)]
    return replace(record, key=key, value=value, headers=headers)


def fitting_document(record: Record, most: int, dead_letters: str) -> Record:
    """The record, or where it is too large what there is room for, as a dead letter with the reason `too_large`."""
    size = _size(record)
    if size <= most:
        return record
    reason = f"too_large: a record of {size} bytes for {record.topic}"
    headers = (("topic", record.topic.encode()), ("reason", reason.encode()))
    return fitting_letter(Record(dead_letters, record.value, headers=headers), most)


def _size(record: Record) -> int:
    size = len(record.key or b"") + len(record.value or b"")
    for name, value in record.headers:
        size += len(name) + len(value)
    return size
