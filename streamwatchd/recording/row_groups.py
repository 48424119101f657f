"""A Parquet file written one row group after the other, in the memory of one.

The data-frame library writes whole files only. So each row group is written as a file of its own, in memory; its pages
are copied as they are, and its entry in the footer is moved to where they came to lie.
Source: https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import IO, cast

import polars as pl

from streamwatchd.recording.thrift import I64, Field, Items, Struct, read_struct, struct_bytes

_MAGIC = b"PAR1"
_TAIL_BYTES = 8  # the length of the footer, and the magic once more
# Field numbers of FileMetaData, RowGroup, ColumnChunk and ColumnMetaData.
_FILE_ROWS, _FILE_GROUPS = 3, 4
_GROUP_COLUMNS, _GROUP_ROWS, _GROUP_OFFSET, _GROUP_ORDINAL = 1, 3, 5, 7
_CHUNK_OFFSET, _CHUNK_COLUMN = 2, 3
_CHUNK_INDEXES = (4, 5, 6, 7)
_COLUMN_OFFSETS = (9, 10, 11, 14)


class RowGroupFile:
    """Without `close()` it has no end, and nobody can read it."""

    def __init__(self, file: IO[bytes], schema: pl.Schema, metadata: Mapping[str, str]) -> None:
        """`file` is new; closing it is up to the caller."""
        _, self._footer = _as_file(pl.DataFrame(schema=schema), metadata)
        self._footer[_FILE_GROUPS] = Field(self._footer[_FILE_GROUPS].kind, Items(12, []))
        self._file = file
        self._file.write(_MAGIC)
        self._end = len(_MAGIC)
        self._rows = 0

    def append(self, frame: pl.DataFrame) -> None:
        """One row group, of the columns of the schema; no rows are none."""
        if not len(frame):
            return
        pages, footer = _as_file(frame, {})
        self._file.write(pages)
        for group in _groups(footer).values:
            moved = _moved(cast(Struct, group), self._end - len(_MAGIC))
            self._rows += cast(int, moved[_GROUP_ROWS].value)
            _groups(self._footer).values.append(moved)
        self._end += len(pages)

    def close(self) -> None:
        """Writes the footer."""
        self._footer[_FILE_ROWS] = Field(I64, self._rows)
        footer = struct_bytes(self._footer)
        self._file.write(footer + len(footer).to_bytes(4, "little") + _MAGIC)


def _as_file(frame: pl.DataFrame, metadata: Mapping[str, str]) -> tuple[bytes, Struct]:
    """Pages and footer. Without statistics: those of payloads would be payloads."""
    buffer = io.BytesIO()
    frame.write_parquet(buffer, row_group_size=max(1, len(frame)), statistics=False, metadata=dict(metadata))
    data = buffer.getvalue()
    size = int.from_bytes(data[-_TAIL_BYTES : -len(_MAGIC)], "little")
    start = len(data) - _TAIL_BYTES - size
    return data[len(_MAGIC) : start], read_struct(data[start:-_TAIL_BYTES])


def _groups(footer: Struct) -> Items:
    return cast(Items, footer[_FILE_GROUPS].value)


def _moved(group: Struct, by: int) -> Struct:
    """The row group, `by` bytes further on. Indexes of pages would have to be moved themselves, and are optional."""
    group.pop(_GROUP_ORDINAL, None)
    _shift(group, (_GROUP_OFFSET,), by)
    for each in cast(Items, group[_GROUP_COLUMNS].value).values:
        chunk = cast(Struct, each)
        for number in _CHUNK_INDEXES:
            chunk.pop(number, None)
        _shift(chunk, (_CHUNK_OFFSET,), by)
        _shift(cast(Struct, chunk[_CHUNK_COLUMN].value), _COLUMN_OFFSETS, by)
    return group


def _shift(struct: Struct, numbers: tuple[int, ...], by: int) -> None:
    for number in numbers:
        field = struct.get(number)
        if field is not None and cast(int, field.value) > 0:
            struct[number] = Field(field.kind, cast(int, field.value) + by)
