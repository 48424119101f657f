"""Tables in canonical form: as bytes whose sha256 is the table's digest, so versions are kept by content.

Rows are sorted by key, columns by name, string dictionaries by first use; then equal content gives equal bytes.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence

import msgspec
import numpy as np

from streamwatchd.batch import Column, Dictionary, Strings, take
from streamwatchd.enrichment.table import TableData
from streamwatchd.errors import SnapshotCorrupt
from streamwatchd.packing import pack, unpack

_FORMAT = 1


def canonical_table(name: str, key: str, keys: Sequence[str], columns: Mapping[str, Column]) -> TableData:
    """The table of `keys` (distinct) and `columns` (one entry a key), in canonical order and with its digest."""
    order = np.array(sorted(range(len(keys)), key=keys.__getitem__), np.intp)
    sorted_columns = {column: _canonical(take(columns[column], order)) for column in sorted(columns)}
    rows = {keys[row]: number for number, row in enumerate(order.tolist())}
    digest = hashlib.sha256(_pack(key, rows, sorted_columns)).hexdigest()
    return TableData(name, key, rows, sorted_columns, digest)


def pack_table(table: TableData) -> bytes:
    """Bytes whose sha256 is `table.digest`; the table's name is not in them.

    String dictionaries may have grown since (a default is coded into them); only names in use are packed.
    """
    return _pack(table.key, table.rows, {name: _canonical(column) for name, column in table.columns.items()})


def unpack_table(data: bytes, name: str, digest: str) -> TableData:
    """The inverse; raises SnapshotCorrupt when `data` is not the content that `digest` names."""
    if hashlib.sha256(data).hexdigest() != digest:
        raise SnapshotCorrupt(f"content of table `{name}` does not match its hash {digest[:12]}")
    try:
        form, key, keys, columns = unpack(data)
    except (msgspec.DecodeError, ValueError, TypeError) as error:
        raise SnapshotCorrupt(f"content of table `{name}` can't be read: {error}") from None
    if form != _FORMAT:
        raise SnapshotCorrupt(f"content of table `{name}` has the unknown format {form}")
    rows = {text: number for number, text in enumerate(keys)}
    return TableData(name, key, rows, {column: unpack_column(parts) for column, *parts in columns}, digest)


def _canonical(column: Column) -> Column:
    if isinstance(column, Strings):
        dictionary = Dictionary()
        return Strings(dictionary.encode(column.to_list()), dictionary)
    return column


def _pack(key: str, rows: Mapping[str, int], columns: Mapping[str, Column]) -> bytes:
    return pack([_FORMAT, key, list(rows), [[name, *pack_column(column)] for name, column in columns.items()]])


def pack_column(column: Column) -> list[object]:
    """For `packing`."""
    return [column.codes, column.dictionary.names] if isinstance(column, Strings) else [column]


def unpack_column(parts: list[object]) -> Column:
    """The inverse; raises SnapshotCorrupt."""
    match parts:
        case [np.ndarray() as codes, list() as names]:
            return Strings(codes, Dictionary(names))
        case [np.ndarray() as values]:
            return values
        case _:
            raise SnapshotCorrupt("a packed column has an unknown form")
