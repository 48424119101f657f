"""What rows of tables were before they changed, so that records that are read once more meet the rows of their time.

Kept are the rows that a change replaced or took away, and no others: a table that changes slowly takes little room.
All of it follows from the changes and their instants, so that a replay comes to the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from itertools import repeat
from typing import Any
from weakref import WeakValueDictionary

import numpy as np
import numpy.typing as npt

from streamwatchd.batch import Column, Dictionary, Numbers, Strings, Truths, take
from streamwatchd.enrichment.store import pack_column, unpack_column
from streamwatchd.enrichment.table import ABSENT, PastTable, TableData
from streamwatchd.packing import Frozen, thawed

BEGINNING = -(2**62)
MOST_ROWS = 500_000
"""Of all tables together; of more, those that were replaced first go."""
_MANY_ROWS = 1_000

RowNumbers = npt.NDArray[np.intp]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Change:
    """Rows that a table had up to the instant `at_ms` and not from there on; `brought` are the keys that came then."""

    at_ms: int
    table: TableData
    brought: tuple[str, ...]

    @property
    def size(self) -> int:
        """Rows."""
        return len(self.table.rows) + len(self.brought)


@dataclass(slots=True)
class _Kept:
    """A change and its packed form, which is stored once."""

    change: Change
    packed: Frozen = field(init=False)

    def __post_init__(self) -> None:
        self.packed = Frozen(partial(_packed, self.change), apart=self.change.size >= _MANY_ROWS)


@dataclass(frozen=True, slots=True)
class _Part:
    """Rows of a change below those that came later: from which row on, and each one's next row or `ABSENT`."""

    change: Change
    offset: int
    following: RowNumbers


class TableHistory:
    """The tables in force, and of the time from `since_ms` on what they were. Before it nothing is known."""

    def __init__(self, tables: Mapping[str, TableData], most_rows: int = MOST_ROWS) -> None:
        self.since_ms = BEGINNING
        self._tables = dict(tables)
        self._most_rows = most_rows
        self._kept: list[_Kept] = []
        self._foreseen: dict[tuple[str, str, str], Change | None] = {}
        self._useless_ms = BEGINNING
        self._pasts: WeakValueDictionary[tuple[str, int], PastTable] = WeakValueDictionary()

    @property
    def size(self) -> int:
        """Rows that are kept."""
        return sum(each.change.size for each in self._kept)

    def foresee(self, tables: Mapping[str, TableData]) -> None:
        """Find out what will change, so that the change itself takes less time."""
        known = self._foreseen
        self._foreseen = {}
        for name, before, after in self._changed(tables):
            pair = name, before.digest, after.digest
            self._foreseen[pair] = known[pair] if pair in known else _difference(before, after)

    def switch(self, at_ms: int, tables: Mapping[str, TableData]) -> None:
        """Other tables from the instant `at_ms` on. Where all before it is of no use, nothing is compared or kept."""
        if at_ms > self._useless_ms:
            self._keep(at_ms, tables)
        elif any(self._changed(tables)):
            self.since_ms = max(self.since_ms, at_ms)
        self._tables, self._foreseen = dict(tables), {}
        self._pasts.clear()

    def _keep(self, at_ms: int, tables: Mapping[str, TableData]) -> None:
        self.foresee(tables)
        gone = self._tables.keys() - tables.keys()
        for name, before, after in self._changed(tables):
            found = self._foreseen[name, before.digest, after.digest]
            if found is None:
                gone |= {name}
            elif found.size:
                self._kept.append(_Kept(Change(at_ms, found.table, found.brought)))
        self._kept = [each for each in self._kept if each.change.table.name not in gone]
        while self.size > self._most_rows:
            self._drop_first()

    def _changed(self, tables: Mapping[str, TableData]) -> Iterable[tuple[str, TableData, TableData]]:
        for name, after in sorted(tables.items()):
            before = self._tables.get(name)
            if before is not None and before.digest != after.digest:
                yield name, before, after

    def forget_before(self, time_ms: int) -> None:
        """Drop what no row at or after `time_ms` can meet, also of changes that are still to come."""
        self._useless_ms = max(self._useless_ms, time_ms)
        while self._kept and self._kept[0].change.at_ms <= time_ms:
            self._drop_first()

    def _drop_first(self) -> None:
        self.since_ms = max(self.since_ms, self._kept.pop(0).change.at_ms)

    def past(self, since_ms: int | None = None) -> dict[str, TableData]:
        """The tables in force with the rows that they had before: a `PastTable` where there were others.

        `since_ms`: as if nothing were known of the time before it (None: all that is known). Who asks for the same
        while another one still has it gets the same object.
        """
        from_ms = self.since_ms if since_ms is None else max(since_ms, self.since_ms)
        changes: dict[str, list[Change]] = {}
        for each in self._kept:
            if each.change.at_ms > from_ms:
                changes.setdefault(each.change.table.name, []).append(each.change)
        return {name: self._past(table, changes.get(name, ())) for name, table in self._tables.items()}

    def _past(self, table: TableData, changes: Sequence[Change]) -> TableData:
        if not changes:
            return table
        handle = table.name, changes[0].at_ms
        found = self._pasts.get(handle)
        if found is None:
            found = self._pasts[handle] = _with_past(table, changes)
        return found

    # state

    def snapshot(self) -> Any:
        """For `packing`; None where nothing ever changed."""
        if not self._kept and self.since_ms == BEGINNING:
            return None
        heads = [[each.change.table.name, each.change.at_ms, each.packed] for each in self._kept]
        return [self.since_ms, heads]

    def restore(self, picture: Any) -> None:
        """The inverse; what is there of the tables in force stays. Raises ValueError or TypeError for another form."""
        since_ms, heads = (BEGINNING, []) if picture is None else picture
        self.since_ms, self._kept = _instant(since_ms), []
        self._pasts.clear()
        for name, at_ms, packed in heads:
            kept = _Kept(_unpacked(name, at_ms, thawed(packed)))
            kept.packed.place = packed.place if isinstance(packed, Frozen) else None
            self._kept.append(kept)


def _packed(change: Change) -> list[object]:
    columns = [[name, *pack_column(column)] for name, column in change.table.columns.items()]
    return [change.table.key, list(change.table.rows), list(change.brought), columns]


def _unpacked(name: str, at_ms: int, packed: Any) -> Change:
    key, keys, brought, columns = packed
    rows = {text: number for number, text in enumerate(keys)}
    table = TableData(name, key, rows, {column: unpack_column(parts) for column, *parts in columns}, "")
    if any(len(column) != len(rows) for column in table.columns.values()):
        raise ValueError("a column of another length")
    return Change(_instant(at_ms), table, tuple(brought))


def _instant(value: object) -> int:
    if not isinstance(value, int):
        raise TypeError("times are whole milliseconds")
    return value


def _difference(before: TableData, after: TableData) -> Change | None:
    """What `after` has in another way than `before`, by the columns that both have; None for another key column."""
    if before.key != after.key:
        return None
    shared = [name for name, column in after.columns.items() if _like(before.columns.get(name), column)]
    here = np.fromiter(after.rows.values(), np.intp, len(after.rows))
    there = np.fromiter(map(before.rows.get, after.rows, repeat(ABSENT)), np.intp, len(after.rows))
    known = there != ABSENT
    differs = np.zeros(len(here), bool)
    for name in shared:
        differs[known] |= _differ(take(before.columns[name], there[known]), take(after.columns[name], here[known]))
    names = list(after.rows)
    gone = before.rows.keys() - after.rows.keys() if known.sum() < len(before.rows) else set[str]()
    keys = [*(names[row] for row in np.flatnonzero(differs).tolist()), *sorted(gone)]
    taken = np.fromiter(map(before.rows.__getitem__, keys), np.intp, len(keys))
    columns = {name: _compact(take(before.columns[name], taken)) for name in shared}
    rows = {key: number for number, key in enumerate(keys)}
    brought = tuple(names[row] for row in np.flatnonzero(~known).tolist())
    return Change(BEGINNING, TableData(before.name, before.key, rows, columns, ""), brought)


def _like(one: Column | None, other: Column) -> bool:
    """Whether both are columns of one kind."""
    if isinstance(one, Strings) or isinstance(other, Strings):
        return isinstance(one, Strings) and isinstance(other, Strings)
    return one is not None and one.dtype == other.dtype


def _differ(one: Column, other: Column) -> Mask:
    """Where two columns of one kind have not the same; null is like null."""
    if isinstance(one, Strings):
        assert isinstance(other, Strings)
        codes = [one.dictionary.get(name, len(one.dictionary.names)) for name in other.dictionary.names]
        found: Mask = one.codes != np.array([*codes, -1], np.int32)[other.codes]
        return found
    assert isinstance(other, np.ndarray)
    found = one != other
    return found if one.dtype == np.int8 else found & ~(np.isnan(one) & np.isnan(other))


def _compact(column: Column) -> Column:
    """Without the texts that its rows do not use."""
    if not isinstance(column, Strings):
        return column
    dictionary = Dictionary()
    return Strings(dictionary.encode(column.to_list()), dictionary)


def _with_past(table: TableData, changes: Sequence[Change]) -> PastTable:
    """`changes` are of this table, oldest first. A column that it has and one of them has not is as it was next."""
    parts, later, size = [], dict(table.rows), len(table.rows)
    for change in reversed(changes):
        rows = change.table.rows
        following = np.fromiter((later.get(key, ABSENT) for key in rows), np.intp, len(rows))
        parts.append(_Part(change, size, following))
        later |= {key: size + row for key, row in rows.items()}
        size += len(rows)
    spans: dict[str, list[tuple[int, int]]] = {}
    for part in reversed(parts):
        at_ms = part.change.at_ms
        for key, row in part.change.table.rows.items():
            spans.setdefault(key, []).append((at_ms, part.offset + row))
        for key in part.change.brought:
            spans.setdefault(key, []).append((at_ms, ABSENT))
    columns = {name: _with_parts(name, column, parts) for name, column in table.columns.items()}
    digest = f"{table.digest} from {changes[-1].at_ms}"
    return PastTable(table.name, table.key, table.rows, columns, digest, spans)


def _with_parts(name: str, newest: Column, parts: Sequence[_Part]) -> Column:
    """A column with its earlier rows below it, newest first."""
    found, lacking = [newest], []
    for part in parts:
        mine = part.change.table.columns.get(name)
        if mine is None or not _like(mine, newest):
            mine = _nulls(newest, len(part.following))
            lacking.append(part)
        found.append(mine)
    joined = _joined(found)
    values = joined.codes if isinstance(joined, Strings) else joined
    for part in lacking:  # newest first: what is taken over is there
        known = np.flatnonzero(part.following != ABSENT)
        values[part.offset + known] = values[part.following[known]]
    return joined


def _nulls(like: Column, size: int) -> Column:
    if isinstance(like, Strings):
        return Strings(np.full(size, -1, np.int32), Dictionary())
    found: Numbers | Truths = np.full(size, 1 if like.dtype == np.int8 else np.nan, like.dtype)
    return found


def _joined(parts: Sequence[Column]) -> Column:
    """Columns of one kind one below the other."""
    if isinstance(parts[0], Strings):
        dictionary, codes = Dictionary(), []
        for part in parts:
            assert isinstance(part, Strings)
            codes.append(np.append(dictionary.encode(part.dictionary.names), np.int32(-1))[part.codes])
        return Strings(np.concatenate(codes), dictionary)
    return np.concatenate([part for part in parts if isinstance(part, np.ndarray)])
