"""Key values → dense ids: every table and alarm of a task that has the same `by` counts its keys the same way."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from functools import partial
from itertools import filterfalse
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from streamwatchd.batch import Codes, Column, Dictionary, Numbers, Strings, Truths, to_values
from streamwatchd.packing import Frozen, thawed

KeyValue = float | str | bool
_VALUES = (float, str, bool, int)
KeyTuple = tuple[KeyValue, ...]
Ids = npt.NDArray[np.intp]

UNKEYED = -1
_UNSEEN = -2
OVERFLOW = -3
"""Negative ids: a null among the key values; a key beyond the bound."""

NO_BOUND = 2**62
_PLENTY = 1_000_000
_DENSE_PAIRS = 262_144
_PATHS = 4
_CHUNK = 65_536
"""Keys that are packed together, and never again."""


class Fold:
    """Pairs of codes → numbers, dense in order of appearance: a sorted table, so that no Python runs per pair."""

    def __init__(self) -> None:
        self._pairs = np.zeros(0, np.int64)
        self._numbers = np.zeros(0, np.int64)

    def numbers(self, left: npt.NDArray[np.int64], right: Codes) -> tuple[npt.NDArray[np.int64], Ids]:
        """The number of each pair, and where the new ones are met first, in order."""
        pairs = (left << 32) | right
        at = np.searchsorted(self._pairs, pairs)
        known = at < len(self._pairs)
        known[known] = self._pairs[at[known]] == pairs[known]
        missing = np.flatnonzero(~known)
        if not len(missing):
            return self._numbers[at], missing
        unique, first = np.unique(pairs[missing], return_index=True)
        numbers = np.empty(len(unique), np.int64)
        numbers[np.argsort(first, kind="stable")] = len(self._pairs) + np.arange(len(unique))
        where = np.searchsorted(self._pairs, unique)
        self._pairs, self._numbers = np.insert(self._pairs, where, unique), np.insert(self._numbers, where, numbers)
        return self._numbers[np.searchsorted(self._pairs, pairs)], missing[np.sort(first)]


class Path:
    """From the codes of several dictionaries to ids: `ids` has one for each combination met so far."""

    def __init__(self, dictionaries: list[Dictionary]) -> None:
        self.dictionaries = dictionaries
        self.ids: Ids = np.zeros(0, np.intp)
        self._folds = [Fold() for _ in dictionaries[1:]]

    def numbers(self, columns: Sequence[Codes]) -> tuple[npt.NDArray[np.int64], Ids]:
        """The number of each row's combination, and the first rows of those that have no id yet, in order."""
        numbers, fresh = columns[0].astype(np.int64), np.zeros(0, np.intp)
        for fold, codes in zip(self._folds, columns[1:], strict=True):
            numbers, fresh = fold.numbers(numbers, codes)
        return numbers, fresh


class KeySpace:
    """The keys of one `by` in one task: `keys[id]` are the values, ids are dense and never change.

    A row with a null among its key values has the id `UNKEYED`. Once there are `bound` keys, rows of others have the id
    `OVERFLOW`: they are counted, not judged.
    """

    def __init__(self, names: tuple[str, ...], bound: int = NO_BOUND) -> None:
        self.names, self.bound = names, bound
        self.keys: list[KeyTuple] = []
        self._ids: dict[KeyTuple, int] = {}
        self._chunks: list[Frozen] = []
        self._lut: npt.NDArray[np.intp] = np.zeros(0, np.intp)
        self._lut_of: Dictionary | None = None
        self._grid: npt.NDArray[np.intp] = np.zeros((0, 0), np.intp)
        self._grid_of: tuple[Dictionary, Dictionary] | None = None
        self._paths: list[Path] = []
        self._columns: dict[int, Column] = {}

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def is_scarce(self) -> bool:
        """Whether a rule has set a bound so low that only events which pass its filter may make keys."""
        return self.bound < _PLENTY

    def id_of(self, key: KeyTuple) -> int:
        """The id, new if need be."""
        found = self._ids.get(key)
        if found is None:
            found = self._ids[key] = len(self.keys)
            self.keys.append(key)
        return found

    def find(self, key: KeyTuple) -> int | None:
        """The id of a key that there is."""
        return self._ids.get(key)

    def bounded_ids(self, keys: Sequence[KeyTuple]) -> Ids:
        """One id a key; `OVERFLOW` beyond the bound. Far below it, no Python runs per key."""
        if len(self.keys) + len(keys) > self.bound:
            return np.array([self._bounded_id(key) for key in keys], np.intp)
        fresh = list(dict.fromkeys(filterfalse(self._ids.__contains__, keys)))
        self._ids.update(zip(fresh, range(len(self.keys), len(self.keys) + len(fresh)), strict=True))
        self.keys += fresh
        return np.fromiter(map(self._ids.__getitem__, keys), np.intp, len(keys))

    def _bounded_id(self, key: KeyTuple) -> int:
        return OVERFLOW if len(self.keys) >= self.bound and key not in self._ids else self.id_of(key)

    def ids(self, columns: Sequence[Column], size: int) -> Ids:
        """One id a row."""
        match columns:
            case []:
                return np.full(size, self.id_of(()) if size else 0, np.intp)
            case [Strings() as column]:
                return self._by_dictionary(column)
            case [Strings() as first, Strings() as second]:
                if len(first.dictionary.names) * len(second.dictionary.names) <= _DENSE_PAIRS:
                    return self._by_grid(first, second)
        strings = [column for column in columns if isinstance(column, Strings)]
        return self._by_codes(strings) if len(strings) == len(columns) else self._by_value(columns, size)

    def _by_dictionary(self, column: Strings) -> Ids:
        names = column.dictionary.names
        if self._lut_of is not column.dictionary:
            self._lut_of, self._lut = column.dictionary, np.full(1, UNKEYED, np.intp)
        if len(self._lut) < len(names) + 1:
            # the null slot is last, where code -1 finds it
            lut = np.full(max(len(names) + 1, 2 * len(self._lut)), _UNSEEN, np.intp)
            lut[: len(self._lut) - 1] = self._lut[:-1]
            lut[-1] = UNKEYED
            self._lut = lut
        ids = self._lut[column.codes]
        fresh = ids == _UNSEEN
        if fresh.any():
            # in the order of the log, so that a bound on keys does not depend on batches
            for code in _in_order(column.codes[fresh]):
                self._lut[code] = self._bounded_id((names[code],))
            ids = self._lut[column.codes]
        return ids

    def _by_grid(self, first: Strings, second: Strings) -> Ids:
        shape = (len(first.dictionary.names) + 1, len(second.dictionary.names) + 1)
        pair = (first.dictionary, second.dictionary)
        if self._grid_of is None or self._grid_of[0] is not pair[0] or self._grid_of[1] is not pair[1]:
            self._grid_of, self._grid = pair, np.zeros((0, 0), np.intp)
        if self._grid.shape[0] < shape[0] or self._grid.shape[1] < shape[1]:
            grid = np.full((max(shape[0], 8) * 2, max(shape[1], 8) * 2), _UNSEEN, np.intp)
            rows, cols = self._grid.shape
            grid[: max(rows - 1, 0), : max(cols - 1, 0)] = self._grid[:-1, :-1]
            grid[-1, :] = grid[:, -1] = UNKEYED
            self._grid = grid
        ids = self._grid[first.codes, second.codes]
        fresh = np.flatnonzero(ids == _UNSEEN)
        if len(fresh):
            one, two = first.take(fresh), second.take(fresh)
            made = self.bounded_ids(list(zip(one.to_list(), two.to_list(), strict=True)))  # type: ignore[arg-type]
            self._grid[one.codes, two.codes] = made
            ids = self._grid[first.codes, second.codes]
        return ids

    def _by_codes(self, columns: Sequence[Strings]) -> Ids:
        """Texts whose combinations are too many for a grid: code by code through sorted tables."""
        keyed = np.min([column.codes for column in columns], axis=0) >= 0
        rows = np.flatnonzero(keyed)
        path = self._path_of([column.dictionary for column in columns])
        numbers, first = path.numbers([column.codes[rows] for column in columns])
        if len(first):
            # in the order of the log, so that a bound on keys does not depend on batches
            values = [column.take(rows[first]).to_list() for column in columns]
            path.ids = np.concatenate([path.ids, self.bounded_ids(list(zip(*values, strict=True)))])
        ids = np.full(len(keyed), UNKEYED, np.intp)
        ids[rows] = path.ids[numbers]
        return ids

    def _path_of(self, dictionaries: list[Dictionary]) -> Path:
        """Of the few sets of dictionaries that the streams with these keys have; old ones are replaced in time."""
        for path in self._paths:
            if all(a is b for a, b in zip(path.dictionaries, dictionaries, strict=True)):
                return path
        self._paths = [*self._paths[-_PATHS + 1 :], Path(dictionaries)]
        return self._paths[-1]

    def _by_value(self, columns: Sequence[Column], size: int) -> Ids:
        combined = np.zeros(size, np.int64)
        null = np.zeros(size, bool)
        for column in columns:
            codes, missing = _codes(column)
            null |= missing
            _, dense = np.unique(combined, return_inverse=True)
            combined = dense.astype(np.int64) * (int(codes.max(initial=0)) + 1) + codes
        _, first, inverse = np.unique(combined, return_index=True, return_inverse=True)
        order = np.argsort(first, kind="stable")
        rows = first[order]
        values = [to_values(_pick(column, rows)) for column in columns]
        ids = np.full(len(first), UNKEYED, np.intp)
        for place, row, key in zip(order.tolist(), rows.tolist(), zip(*values, strict=True), strict=True):
            if not null[row]:
                ids[place] = self._bounded_id(key)
        return ids[inverse]

    def column(self, position: int, kind: str) -> Column:
        """Key value `position` ("string", "number" or "bool") with one entry an id; grows with the keys."""
        known = self._columns.get(position)
        have = 0 if known is None else len(known)
        if known is None or have < len(self.keys):
            fresh = [key[position] for key in self.keys[have:]]
            known = self._columns[position] = _extended(known, fresh, kind)
        return known

    # snapshots

    def picture(self) -> list[object]:
        """All keys, for packing, by columns; full chunks of them are packed apart."""
        for start in range(len(self._chunks) * _CHUNK, len(self.keys) - _CHUNK + 1, _CHUNK):
            self._chunks.append(Frozen(partial(_columns, self.keys, start, start + _CHUNK)))
        return [*self._chunks, _columns(self.keys, len(self._chunks) * _CHUNK, len(self.keys))]

    def restore(self, packed: Any) -> None:
        """The inverse; raises ValueError or TypeError for what are no keys of this space."""
        fresh = not self.keys
        for piece in packed:
            count, columns = thawed(piece)
            keys = _keys(count, columns, len(self.names))
            if fresh and isinstance(piece, Frozen) and len(keys) == _CHUNK:
                self._chunks.append(Frozen(partial(_columns, self.keys, len(self.keys), len(self.keys) + _CHUNK)))
                self._chunks[-1].place = piece.place
            self.keys += keys if fresh else [key for key in keys if key not in self._ids]
        self._ids = dict(zip(self.keys, range(len(self.keys)), strict=True))
        if len(self._ids) != len(self.keys):
            raise ValueError("a key twice")


class Admission:
    """Which rows have one of these values, by a table per dictionary that grows with it."""

    def __init__(self, values: frozenset[str]) -> None:
        self._values = values
        self._dictionary: Dictionary | None = None
        self._admits = np.zeros(0, bool)

    def of(self, column: Column) -> npt.NDArray[np.bool_]:
        assert isinstance(column, Strings)
        if self._dictionary is not column.dictionary:
            self._dictionary, self._admits = column.dictionary, np.zeros(0, bool)
        names = column.dictionary.names
        if len(self._admits) < len(names):
            fresh = np.fromiter(map(self._values.__contains__, names[len(self._admits) :]), bool)
            self._admits = np.concatenate([self._admits, fresh])
        # one more for null, where code -1 finds it
        return np.append(self._admits, False)[column.codes]


def is_admitted(admits: Sequence[frozenset[str]], key: KeyTuple) -> bool:
    return all(value in values for value, values in zip(key, admits, strict=False))


def _columns(keys: Sequence[KeyTuple], start: int, end: int) -> list[object]:
    """Keys [start, end) by columns, and how many they are."""
    return [end - start, [list(column) for column in zip(*keys[start:end], strict=True)]]


def _keys(count: int, columns: Sequence[Sequence[KeyValue]], width: int) -> list[KeyTuple]:
    if not count or not width:
        return [()] * bool(count)
    keys = list(zip(*columns, strict=True))
    if len(columns) != width or len(keys) != count or not all(type(v) in _VALUES for each in columns for v in each):
        raise ValueError("not the keys of this space")
    return keys


def _in_order(codes: npt.NDArray[np.int32]) -> list[int]:
    return list(dict.fromkeys(codes.tolist()))


def _pick(column: Column, rows: npt.NDArray[np.intp]) -> Column:
    return column.take(rows) if isinstance(column, Strings) else column[rows]


def _codes(column: Column) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.bool_]]:
    if isinstance(column, Strings):
        return column.codes.astype(np.int64) + 1, column.codes < 0
    if column.dtype == np.int8:
        return column.astype(np.int64), column == 1
    missing = np.isnan(column)
    _, inverse = np.unique(np.where(missing, 0.0, column), return_inverse=True)
    return inverse.astype(np.int64), missing


def _extended(known: Column | None, fresh: Sequence[KeyValue], kind: str) -> Column:
    if kind == "string":
        dictionary = known.dictionary if isinstance(known, Strings) else Dictionary()
        codes = dictionary.encode([str(value) for value in fresh])
        return Strings(np.concatenate([known.codes, codes]) if isinstance(known, Strings) else codes, dictionary)
    more: Numbers | Truths
    if kind == "bool":
        more = np.array([2 if value else 0 for value in fresh], np.int8)
    else:
        more = np.array([float(value) for value in fresh], np.float64)
    return np.concatenate([known, more]) if isinstance(known, np.ndarray) else more


def key_hash(key: KeyTuple) -> int:
    """64 bits that depend on the key values only: BLAKE2b-64 of their JSON array, little-endian."""
    return int.from_bytes(hashlib.blake2b(msgspec.json.encode(list(key)), digest_size=8).digest(), "little")
