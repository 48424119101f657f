"""Twin of enrichment/store.py."""

from __future__ import annotations

import hashlib

import pytest

from streamwatchd.batch import Strings, to_values
from streamwatchd.enrichment.reader import read_table
from streamwatchd.enrichment.store import pack_table, unpack_table
from streamwatchd.errors import SnapshotCorrupt
from streamwatchd.packing import pack

_CONTENT = b"host,role,slots,up\nb,core,1,true\na,,2.5,\nc,core,,false\n"


def test_a_table_comes_back_from_its_bytes() -> None:
    """Rows, columns and digest; the bytes are named by the digest; packing again gives the same bytes."""
    table = read_table("t.csv", _CONTENT, "devices").data
    data = pack_table(table)
    assert hashlib.sha256(data).hexdigest() == table.digest
    again = unpack_table(data, "devices", table.digest)
    assert (again.name, again.key, again.rows) == ("devices", "host", table.rows)
    assert list(again.columns) == list(table.columns)
    assert [to_values(column) for column in again.columns.values()] == [to_values(c) for c in table.columns.values()]
    assert pack_table(again) == data


def test_equal_strings_have_equal_codes() -> None:
    """The dictionary is in order of first use over the sorted keys, whatever order the file had."""
    column = read_table("t.csv", _CONTENT, "t").data.columns["role"]
    assert isinstance(column, Strings)
    assert column.dictionary.names == ["core"]
    assert column.codes.tolist() == [-1, 0, 0]


def test_names_that_only_lookups_coded_are_not_packed() -> None:
    """The bytes stay those that the digest names."""
    table = read_table("t.csv", _CONTENT, "t").data
    column = table.columns["role"]
    assert isinstance(column, Strings)
    assert column.dictionary["a default"] == 1
    assert hashlib.sha256(pack_table(table)).hexdigest() == table.digest


@pytest.mark.parametrize("change", ["role,core", "a,,2.6", "d,x,1,true"])
def test_any_change_of_content_changes_the_digest(change: str) -> None:
    """A cell, a value, a row."""
    changed = {
        "role,core": _CONTENT.replace(b"b,core", b"b,edge"),
        "a,,2.6": _CONTENT.replace(b"2.5", b"2.6"),
        "d,x,1,true": _CONTENT + b"d,x,1,true\n",
    }[change]
    assert read_table("t.csv", changed, "t").data.digest != read_table("t.csv", _CONTENT, "t").data.digest


def test_damaged_content_is_found() -> None:
    """A flipped bit, a cut, bytes of something else: never a table with wrong rows."""
    table = read_table("t.csv", _CONTENT, "t").data
    data = pack_table(table)
    for damaged in (data[:-1], data + b"x", bytes([data[0] ^ 1]) + data[1:], b""):
        with pytest.raises(SnapshotCorrupt):
            unpack_table(damaged, "t", table.digest)
    for other in (pack([2, "k", [], []]), pack({"a": 1}), pack([1, "k", [], [["c", 5]]]), b"\xc1"):
        with pytest.raises(SnapshotCorrupt):
            unpack_table(other, "t", hashlib.sha256(other).hexdigest())
