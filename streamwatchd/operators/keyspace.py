"""Key values → dense ids: every table and alarm of a task that has the same `by` counts its keys the same way."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from itertools import chain, filterfalse, repeat
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from streamwatchd.aggregates.accumulator import array_of
from streamwatchd.batch import Codes, Column, Dictionary, Frame, Numbers, Rows, Strings, Times, Truths, to_values
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
NEVER = -(2**62)
_PLENTY = 1_000_000
_DENSE_PAIRS = 262_144
_PATHS = 4
Cursor = tuple[int, int, int]
"""How much of a space somebody has looked at."""
BEFORE_ALL: Cursor = (-1, 0, 0)

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
        """The number of each row's combination, and the first rows of those that have no id, in order."""
        numbers, fresh = columns[0].astype(np.int64), np.zeros(0, np.intp)
        for fold, codes in zip(self._folds, columns[1:], strict=True):
            numbers, fresh = fold.numbers(numbers, codes)
        self.ids = np.concatenate([self.ids, np.full(len(fresh), _UNSEEN, np.intp)])
        unseen = np.flatnonzero(self.ids[numbers] == _UNSEEN)
        _, first = np.unique(numbers[unseen], return_index=True)
        return numbers, unseen[np.sort(first)]


class KeySpace:
    """The keys of one `by` in one task: `keys[id]` are the values, ids are dense.

    A row with a null among its key values has the id `UNKEYED`. Once `bound` keys live, rows of others have the id
    `OVERFLOW`: they are counted, not judged.

    An id belongs to its key until nothing of the key can matter any more: `release` takes it back, and a later key with
    the same constants (its first `lifted` values) may have it once `packed` is called. What is kept by id is at rest
    there by then; whoever keeps what is made of a key asks for `news`.
    """

    def __init__(self, names: tuple[str, ...], bound: int = NO_BOUND) -> None:
        self.names, self.bound = names, bound
        self.keys: list[KeyTuple] = []
        self.lifted = self.keep_ms = 0
        self.released_ms = NEVER
        """The instant as of which ids were taken back last."""
        self.last: Times = np.zeros(0, np.int64)
        """Per id the newest event time that was noted, or the last release where that is later."""
        self._spare: dict[KeyTuple, list[int]] = {}
        self._resting: list[int] = []
        """Ids that no key has any more and that may be in panes on their way out: they go on once these are packed."""
        self._spared = 0
        self._reused: list[int] = []
        """Ids that have had another key before, as they got a new one; begun anew `_rounds` times."""
        self._rounds = 0
        self._ids: dict[KeyTuple, int] = {}
        self._chunks: list[Frozen] = []
        self._lut: npt.NDArray[np.intp] = np.zeros(0, np.intp)
        self._lut_of: Dictionary | None = None
        self._grid: npt.NDArray[np.intp] = np.zeros((0, 0), np.intp)
        self._grid_of: tuple[Dictionary, Dictionary] | None = None
        self._paths: list[Path] = []
        self._columns: dict[int, tuple[Column, Cursor]] = {}

    def __len__(self) -> int:
        return len(self.keys)

    @property
    def living(self) -> int:
        """How many keys have an id."""
        return len(self.keys) - self._spared

    @property
    def is_scarce(self) -> bool:
        """Whether a rule has set a bound so low that only events which pass its filter may make keys."""
        return self.bound < _PLENTY

    def id_of(self, key: KeyTuple) -> int:
        """The id, new if need be."""
        found = self._ids.get(key)
        if found is None:
            found = self._ids[key] = self._spare_id(key)
        return found

    def _spare_id(self, key: KeyTuple) -> int:
        spare = self._spare.get(key[: self.lifted]) if self._spared else None
        if not spare:
            self.keys.append(key)
            return len(self.keys) - 1
        found = spare.pop()
        self._spared -= 1
        self.keys[found] = key
        self.last[found] = self.released_ms
        self._reused.append(found)
        self._spoil(found)
        return found

    def find(self, key: KeyTuple) -> int | None:
        """The id of a key that there is."""
        return self._ids.get(key)

    def bounded_ids(self, keys: Sequence[KeyTuple]) -> Ids:
        """One id a key; `OVERFLOW` beyond the bound. Python runs per new key, and not even then far below the bound."""
        if self._spared or len(self.keys) + len(keys) > self.bound:
            ids = np.fromiter(map(self._ids.get, keys, repeat(_UNSEEN)), np.intp, len(keys))
            for place in np.flatnonzero(ids == _UNSEEN).tolist():
                ids[place] = self._bounded_id(keys[place])
            return ids
        fresh = list(dict.fromkeys(filterfalse(self._ids.__contains__, keys)))
        self._ids.update(zip(fresh, range(len(self.keys), len(self.keys) + len(fresh)), strict=True))
        self.keys += fresh
        return np.fromiter(map(self._ids.__getitem__, keys), np.intp, len(keys))

    def _bounded_id(self, key: KeyTuple) -> int:
        return OVERFLOW if self.living >= self.bound and key not in self._ids else self.id_of(key)

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
            path.ids[numbers[first]] = self.bounded_ids(list(zip(*values, strict=True)))
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
        known, cursor = self._columns.get(position, (None, BEFORE_ALL))
        if isinstance(known, Strings) and len(known.dictionary.names) > 2 * len(self.keys) + _CHUNK:
            known, cursor = None, BEFORE_ALL  # mostly texts of keys that are gone
        ids, cursor = self.news(cursor)
        if known is None or ids:
            known = _renewed(known, ids, [self.keys[number][position] for number in ids], kind)
            self._columns[position] = known, cursor
        return known

    def news(self, cursor: Cursor) -> tuple[list[int], Cursor]:
        """The ids that have got their key since the cursor, new ones last, and where the cursor stands now."""
        rounds, place, count = cursor
        now = self._rounds, len(self._reused), len(self.keys)
        if cursor == now:
            return [], now
        if rounds != self._rounds:
            return list(range(len(self.keys))), now
        again = [number for number in dict.fromkeys(self._reused[place:]) if number < count]
        return [*again, *range(count, len(self.keys))], now

    # ids that are taken back

    def lift(self, lifted: int) -> None:
        """So many first values of keys are constants: an id goes on to a key with the same."""
        if lifted > self.lifted:
            self.lifted = lifted
            spare, self._spare = self._spare, {}
            for number in (number for numbers in spare.values() for number in numbers):
                self._spare.setdefault(self.keys[number][:lifted], []).append(number)

    def note(self, ids: Ids, times: Times | int) -> None:
        """Something happened to these keys: the newest time of each is kept."""
        self._grow_last()
        np.maximum.at(self.last, ids, times)

    def _grow_last(self) -> None:
        if len(self.last) < len(self.keys):
            grown = np.full(max(len(self.keys), 2 * len(self.last)), self.released_ms, np.int64)
            grown[: len(self.last)] = self.last
            # ids that come later live from the release that is the newest then
            self.last = grown

    def stale(self, at_ms: int) -> Ids:
        """Whose key had nothing for `keep_ms` before an instant."""
        self._grow_last()
        self.last[self.last == NEVER] = at_ms
        stale = self.last[: len(self.keys)] < at_ms - self.keep_ms
        stale[self.spare_ids()] = False
        return np.flatnonzero(stale)

    def release(self, ids: Ids, at_ms: int) -> None:
        """Take ids back from their keys as of an instant."""
        self._grow_last()
        self.last[len(self.keys) :] = at_ms
        self.released_ms = at_ms
        if not len(ids):
            return
        if len(self._reused) > 2 * len(self.keys):
            self._reused, self._rounds = [], self._rounds + 1
        for number in ids.tolist():
            del self._ids[self.keys[number]]
        self._resting += ids.tolist()
        self._spared += len(ids)
        gone = np.zeros(len(self.keys) + 1, bool)
        gone[ids] = True
        self._lut = _without(self._lut, gone)
        self._grid = _without(self._grid, gone)
        for path in self._paths:
            path.ids = _without(path.ids, gone)

    def packed(self) -> None:
        """All that has been sent is packed under its keys: ids that were taken back may go to others."""
        for number in self._resting:
            self._spare.setdefault(self.keys[number][: self.lifted], []).append(number)
        self._resting = []

    def spare_ids(self) -> Ids:
        """Ids that no key has."""
        return np.array(sorted(chain(self._resting, *self._spare.values())), np.intp)

    def is_living(self, number: int) -> bool:
        """Whether an id has a key."""
        return not self._spared or self._ids.get(self.keys[number]) == number

    def living_keys(self) -> Iterator[tuple[int, KeyTuple]]:
        """Ids and their keys."""
        spare = set(self.spare_ids().tolist()) if self._spared else ()
        return ((number, key) for number, key in enumerate(self.keys) if number not in spare)

    # snapshots

    def _spoil(self, number: int) -> None:
        """The chunk of an id is packed anew."""
        chunk = number // _CHUNK
        if chunk < len(self._chunks):
            self._chunks[chunk] = self._chunk(chunk * _CHUNK)

    def lives(self) -> list[object]:
        """What says who lives, for packing."""
        self._grow_last()
        return [self.last[: len(self.keys)].copy(), self.spare_ids().astype(np.int64), self.keep_ms, self.released_ms]

    def picture(self) -> list[object]:
        """All keys, for packing, by columns; full chunks of them are packed apart."""
        for start in range(len(self._chunks) * _CHUNK, len(self.keys) - _CHUNK + 1, _CHUNK):
            self._chunks.append(self._chunk(start))
        return [*self._chunks, _columns(self.keys, len(self._chunks) * _CHUNK, len(self.keys))]

    def _chunk(self, start: int) -> Frozen:
        """Its keys as they are now: it may be packed when some ids have other keys."""
        return Frozen(partial(_columns, self.keys[start : start + _CHUNK], 0, _CHUNK))

    def restore(self, packed: Any, lives: Any) -> None:
        """The inverse of both; raises ValueError or TypeError for what are no keys of this space."""
        fresh = not self.keys
        for piece in packed:
            count, columns = thawed(piece)
            keys = _keys(count, columns, len(self.names))
            if fresh and isinstance(piece, Frozen) and len(keys) == _CHUNK:
                self._chunks.append(Frozen(partial(_columns, keys, 0, _CHUNK), place=piece.place))
            self.keys += keys if fresh else [key for key in keys if key not in self._ids]
        if fresh:
            self._restore_lives(lives)
        living = list(self.living_keys())
        self._ids = {key: number for number, key in living}
        if len(self._ids) != len(living):
            raise ValueError("a key twice")

    def _restore_lives(self, packed: Any) -> None:
        last, spare, keep_ms, self.released_ms = packed
        self.keep_ms = max(self.keep_ms, keep_ms)
        self.last = array_of(last, np.int64, len(self.keys)).copy()
        numbers = array_of(spare, np.int64, len(self.keys)).tolist()
        if len(self.last) != len(self.keys) or len(set(numbers)) != len(numbers):
            raise ValueError("not the lives of these keys")
        for number in numbers:
            self._spare.setdefault(self.keys[number][: self.lifted], []).append(number)
        self._spared = len(numbers)


class KeyNumbers:
    """A number for each key of a space, by id; an id that goes on to another key gets the number of that one."""

    def __init__(self, space: KeySpace, number_of: Callable[[KeyTuple], int]) -> None:
        self.space, self._number_of = space, number_of
        self.known: Ids = np.zeros(0, np.intp)
        """Of the keys that were there when it was followed last; arrays that were given out stay as they are."""
        self._cursor = BEFORE_ALL

    def follow(self) -> Ids:
        """All of them; those of ids without a key mean nothing."""
        ids, self._cursor = self.space.news(self._cursor)
        if ids:
            self.known = np.concatenate([self.known, np.zeros(len(self.space) - len(self.known), np.intp)])
            for number in ids:
                self.known[number] = self._number_of(self.space.keys[number])
        return self.known


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


def _without(table: npt.NDArray[np.intp], gone: npt.NDArray[np.bool_]) -> npt.NDArray[np.intp]:
    """A table of ids that forgets those that are gone, and whoever had none for want of room."""
    return np.where((table == OVERFLOW) | gone[np.maximum(table, -1)], _UNSEEN, table)


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


def _renewed(known: Column | None, ids: Sequence[int], values: Sequence[KeyValue], kind: str) -> Column:
    """A column with other values at some ids, the new ones at its end; frames may still hold the old one."""
    size = max([0 if known is None else len(known), *(number + 1 for number in ids[-1:])])
    where = np.array(ids, np.intp)
    if kind == "string":
        strings = known if isinstance(known, Strings) else Strings(np.zeros(0, np.int32), Dictionary())
        codes = np.concatenate([strings.codes, np.full(size - len(strings.codes), -1, np.int32)])
        codes[where] = strings.dictionary.encode([str(value) for value in values])
        return Strings(codes, strings.dictionary)
    before = known if isinstance(known, np.ndarray) else np.zeros(0, np.int8 if kind == "bool" else np.float64)
    numbers: Numbers | Truths = np.concatenate([before, np.zeros(size - len(before), before.dtype)])
    numbers[where] = [2 if value else 0 for value in values] if kind == "bool" else [float(value) for value in values]
    return numbers


def key_hash(key: KeyTuple) -> int:
    """64 bits that depend on the key values only: BLAKE2b-64 of their JSON array, little-endian."""
    return int.from_bytes(hashlib.blake2b(msgspec.json.encode(list(key)), digest_size=8).digest(), "little")


def shared_ids(handle: object, space: KeySpace, columns: Callable[[], list[object]], frame: Frame) -> Rows:
    """Key ids of a frame's rows, found once for all who ask by the same handle."""
    ids = frame.memo.get(handle)
    if ids is None:
        ids = frame.memo[handle] = space.ids(columns(), len(frame))  # type: ignore[arg-type]
    return ids  # type: ignore[return-value]
