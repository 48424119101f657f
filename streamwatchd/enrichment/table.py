"""The content of a dimension table, as columns, named by its hash."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from streamwatchd.batch import Column

ABSENT = -1
"""In place of a row number: there is no such row."""


@dataclass(frozen=True, slots=True)
class TableData:
    """One version of a table's content.

    `rows` maps a key (as text; numbers in their shortest JSON form) to its row number; `columns` have one entry a row.
    `digest` is the sha256 of the normalised content: equal content has an equal digest whatever the file format.
    Pickles (for workers); two are compared by their digests.
    """

    name: str
    key: str
    rows: Mapping[str, int]
    columns: Mapping[str, Column]
    digest: str


@dataclass(frozen=True, slots=True, weakref_slot=True)
class PastTable(TableData):
    """A table with the rows that it had before.

    `spans` has for keys that changed: up to which instant (exclusive, rising) they had which row, `ABSENT` for none.
    After the last of them, and for all other keys, `rows` holds.
    """

    spans: Mapping[str, Sequence[tuple[int, int]]]
