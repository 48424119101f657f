"""Dimension tables at work: rows look up columns of the version that is in force at their event time."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from streamwatchd.batch import Column, Dictionary, Numbers, Strings, Times, Truths, key_text, to_values
from streamwatchd.calendars.silence import Ack, Silence
from streamwatchd.enrichment.table import ABSENT, PastTable, TableData
from streamwatchd.lang.typed import Kind
from streamwatchd.repository.store import ModelData

_FOREVER = -(2**62)
_LATEST_MS = 7 * 86_400_000
"""Rows of sessions behind the exchange come so much after their time at most."""

T = TypeVar("T")

RowNumbers = npt.NDArray[np.intp]
Mask = npt.NDArray[np.bool_]

Silences = Mapping[str, tuple[Silence, ...]]
"""By alarm."""
Acks = Mapping[str, tuple[Ack, ...]]

Pieces = list[tuple[TableData, Mask | None]]
"""Versions and which rows meet each (None: all)."""


class _Lookup:
    """Row numbers per dictionary code for one table version and one dictionary, grown as the dictionary grows."""

    def __init__(self, table: TableData, dictionary: Dictionary) -> None:
        self.table, self.dictionary = table, dictionary
        self._rows: RowNumbers = np.zeros(0, np.intp)

    def rows(self, codes: npt.NDArray[np.int32], time: Times) -> RowNumbers:
        """Of keys, at these times."""
        names = self.dictionary.names
        if len(self._rows) < len(names) + 1:
            known = self.table.rows
            fresh = [known.get(name, ABSENT) for name in names[max(len(self._rows) - 1, 0) :]]
            self._rows = np.array([*self._rows[:-1].tolist(), *fresh, ABSENT], np.intp)
        return self._rows[codes]


class _PastLookup(_Lookup):
    """The same where a key had other rows before: `_places` are its code and the number of the instant up to which it
    had a row, in one number and rising; `_numbers` are those rows."""

    def __init__(self, table: PastTable, dictionary: Dictionary) -> None:
        super().__init__(table, dictionary)
        self._spans = table.spans
        instants = sorted({at_ms for spans in table.spans.values() for at_ms, _ in spans})
        self._instants = np.array(instants, np.int64)
        self._number_of = {at_ms: number for number, at_ms in enumerate(instants)}
        self._width = len(instants) + 1
        self._seen = 0
        self._places: npt.NDArray[np.int64] = np.zeros(0, np.int64)
        self._numbers: RowNumbers = np.zeros(0, np.intp)

    def rows(self, codes: npt.NDArray[np.int32], time: Times) -> RowNumbers:
        found = super().rows(codes, time)
        self._grow()
        if len(self._places):
            wanted = codes.astype(np.int64) * self._width + np.searchsorted(self._instants, time, side="right")
            at = np.minimum(np.searchsorted(self._places, wanted), len(self._places) - 1)
            earlier = (self._places[at] >= wanted) & (self._places[at] // self._width == codes)
            found[earlier] = self._numbers[at[earlier]]
        return found

    def _grow(self) -> None:
        names = self.dictionary.names
        fresh = [
            (code * self._width + self._number_of[at_ms], row)
            for code, name in enumerate(names[self._seen :], self._seen)
            for at_ms, row in self._spans.get(name, ())
        ]
        self._seen = len(names)
        if fresh:
            places, numbers = zip(*fresh, strict=True)
            self._places = np.append(self._places, np.array(places, np.int64))
            self._numbers = np.append(self._numbers, np.array(numbers, np.intp))


def _in_force(versions: list[tuple[int, T]], time_ms: int) -> T:
    """Of versions with the instants from which on they hold, that of an instant; before all the first."""
    return next((found for start, found in reversed(versions) if start <= time_ms), versions[0][1])


class Dimensions:
    """The versions of every table, each in force from an event-time instant on.

    `defaults` maps a table to the values of columns for keys that it does not have.
    """

    def __init__(
        self,
        tables: Mapping[str, TableData],
        defaults: Mapping[str, Mapping[str, object]],
        models: Mapping[str, ModelData] = MappingProxyType({}),
        silences: Silences = MappingProxyType({}),
        acks: Acks = MappingProxyType({}),
    ) -> None:
        self.versions: dict[str, list[tuple[int, TableData]]] = {
            name: [(_FOREVER, table)] for name, table in tables.items()
        }
        self.defaults = dict(defaults)
        self._models: dict[str, list[tuple[int, ModelData | None]]] = {
            name: [(_FOREVER, each)] for name, each in models.items()
        }
        self._silences: list[tuple[int, Silences]] = [(_FOREVER, silences)]
        self._acks: list[tuple[int, Acks]] = [(_FOREVER, acks)]
        self._lookups: dict[tuple[str, int], _Lookup] = {}

    def switch(
        self,
        at_ms: int,
        tables: Mapping[str, TableData],
        defaults: Mapping[str, Mapping[str, object]],
        models: Mapping[str, ModelData] = MappingProxyType({}),
        silences: Silences = MappingProxyType({}),
        acks: Acks = MappingProxyType({}),
    ) -> None:
        """New content from `at_ms` on; equal content changes nothing."""
        self.defaults = dict(defaults)
        self._switch_models(at_ms, models)
        if silences != self._silences[-1][1]:
            self._silences.append((at_ms, silences))
        if acks != self._acks[-1][1]:
            self._acks.append((at_ms, acks))
        for name, table in tables.items():
            versions = self.versions.setdefault(name, [])
            if not versions or versions[-1][1].digest != table.digest:
                versions.append((at_ms if versions else _FOREVER, table))

    def _switch_models(self, at_ms: int, models: Mapping[str, ModelData]) -> None:
        """Of a rule that has none any more there is none from here on."""
        for name in {*self._models, *models}:
            versions = self._models.setdefault(name, [])
            now, before = models.get(name), versions[-1][1] if versions else None
            if (now and now.digest) != (before and before.digest):
                versions.append((at_ms, now))

    def model(self, name: str, time_ms: int) -> ModelData | None:
        """The version that scores for a rule at an instant; None where there is none."""
        for start, data in reversed(self._models.get(name, ())):
            if start <= time_ms:
                return data
        return None

    def silences(self, time_ms: int) -> Silences:
        """Those in force at an instant, by alarm; whether each holds then is another question."""
        return _in_force(self._silences, time_ms)

    def ever_silenced(self, rules: frozenset[str]) -> bool:
        """Whether any silence of these alarms is known, of whatever time."""
        return any(not rules.isdisjoint(silences) for _, silences in self._silences)

    def ever_acked(self, rules: frozenset[str]) -> bool:
        """Whether any acknowledgement of these alarms is known."""
        return any(not rules.isdisjoint(acks) for _, acks in self._acks)

    def acks(self, time_ms: int) -> Acks:
        """What has been acknowledged up to an instant, of late."""
        return _in_force(self._acks, time_ms)

    def versions_of_acks(self) -> list[tuple[int, Acks]]:
        """Each with the instant from which on it is in force."""
        return self._acks

    def forget_before(self, time_ms: int) -> None:
        """Drop versions that no row at or after `time_ms` can meet; of models, those that rows so late can't either."""
        for models in self._models.values():
            while len(models) > 1 and models[1][0] <= time_ms - _LATEST_MS:
                models.pop(0)
        for said in (self._silences, self._acks):
            while len(said) > 1 and said[1][0] <= time_ms - _LATEST_MS:
                said.pop(0)
        for versions in self.versions.values():
            while len(versions) > 1 and versions[1][0] <= time_ms:
                versions.pop(0)
        if len(self._lookups) > 64:
            self._lookups.clear()

    def at(self, table: str, time_ms: int) -> TableData:
        """The version in force at an instant."""
        versions = self.versions[table]
        for start, data in reversed(versions):
            if start <= time_ms:
                return data
        return versions[0][1]

    def started(self, table: str, time_ms: int) -> int:
        """From when on the version is in force that is so at an instant; long ago for the first."""
        return max((start for start, _ in self.versions[table] if start <= time_ms), default=_FOREVER)

    def next_change(self, tables: Iterable[str], from_ms: int) -> int | None:
        """The first instant from one on at which one of these tables has another version."""
        starts = (start for table in tables for start, _ in self.versions[table] if start >= from_ms)
        return min(starts, default=None)

    def column(self, table: str, name: str, keys: Column, time: Times, kind: Kind) -> Column | None:
        """Column `name` for every row; keys that the table lacks get the default, else null.

        In place of a version without such a column of this kind stands the next one that has it, else the one before:
        rules and tables that change at one instant meet rows of both sides of it. None where no version has it.
        """
        pieces: Pieces = []
        for data, mask in self._pieces(table, time):
            found = data if _has(data, name, kind) else self._nearest(table, data, name, kind)
            if found is None:
                return None
            pieces.append((found, mask))
        rows = self._rows(pieces, keys, time)
        default = self.defaults.get(table, {}).get(name)
        if len(pieces) == 1:
            return _gather(pieces[0][0].columns[name], rows, default)
        parts: list[object] = [None] * len(rows)
        for data, mask in pieces:
            assert mask is not None
            values = to_values(_gather(data.columns[name], rows[mask], default))
            for place, value in zip(np.flatnonzero(mask).tolist(), values, strict=True):
                parts[place] = value
        return _from_values(parts, pieces[-1][0].columns[name])

    def _nearest(self, table: str, data: TableData, name: str, kind: Kind) -> TableData | None:
        versions = [each for _, each in self.versions[table]]
        at = next(number for number, each in enumerate(versions) if each is data)
        return next((each for each in (*versions[at:], *versions[at::-1]) if _has(each, name, kind)), None)

    def present(self, table: str, keys: Column, time: Times) -> Mask:
        """Which rows have a row in the table."""
        found: Mask = self._rows(self._pieces(table, time), keys, time) != ABSENT
        return found

    def _rows(self, pieces: Pieces, keys: Column, time: Times) -> RowNumbers:
        """Row numbers (`ABSENT` where there is none), of each row in the version that it meets."""
        keys = keys if isinstance(keys, Strings) else _as_text(keys)
        if len(pieces) == 1:
            return self._lookup(pieces[0][0], keys.dictionary).rows(keys.codes, time)
        rows = np.full(len(time), ABSENT, np.intp)
        for data, mask in pieces:
            assert mask is not None
            rows[mask] = self._lookup(data, keys.dictionary).rows(keys.codes[mask], time[mask])
        return rows

    def _pieces(self, table: str, time: Times) -> Pieces:
        versions = self.versions[table]
        if len(versions) == 1 or not len(time):
            return [(versions[-1][1], None)]
        starts = np.array([start for start, _ in versions])
        number = np.searchsorted(starts, time, side="right") - 1
        used = np.unique(number).tolist()
        if len(used) == 1:
            return [(versions[used[0]][1], None)]
        return [(versions[i][1], number == i) for i in used]

    def _lookup(self, table: TableData, dictionary: Dictionary) -> _Lookup:
        handle = (table.digest, id(dictionary))
        found = self._lookups.get(handle)
        if found is None or found.dictionary is not dictionary:
            kind = _PastLookup if isinstance(table, PastTable) else _Lookup
            found = self._lookups[handle] = kind(table, dictionary)  # type: ignore[arg-type]
        return found


def is_of(column: Column, kind: Kind) -> bool:
    """Whether a column has values of this kind."""
    if isinstance(column, Strings):
        return kind is Kind.STRING
    return kind is (Kind.BOOL if column.dtype == np.int8 else Kind.NUMBER)


def _has(table: TableData, name: str, kind: Kind) -> bool:
    found = table.columns.get(name)
    return found is not None and is_of(found, kind)


def _as_text(keys: Column) -> Strings:
    dictionary = Dictionary()
    return Strings(dictionary.encode([key_text(value) for value in to_values(keys)]), dictionary)


def _gather(column: Column, rows: RowNumbers, default: object) -> Column:
    absent = rows == ABSENT
    if isinstance(column, Strings):
        if not len(column):
            codes = np.full(len(rows), -1, np.int32)
        else:
            codes = np.where(absent, np.int32(-1), column.codes[rows])
        if isinstance(default, str) and absent.any():
            codes = np.where(absent, np.int32(column.dictionary[default]), codes)
        return Strings(codes, column.dictionary)
    found: Numbers | Truths = np.full(len(rows), _missing(column, default), column.dtype)
    if len(column):
        found[~absent] = column[rows[~absent]]
    return found


def _missing(column: Column, default: object) -> float | int:
    if isinstance(default, bool):
        return 2 if default else 0
    if isinstance(default, int | float):
        return float(default)
    assert isinstance(column, np.ndarray)
    return 1 if column.dtype == np.int8 else float("nan")


def _from_values(values: list[object], like: Column) -> Column:
    if isinstance(like, Strings):
        dictionary = Dictionary()
        return Strings(dictionary.encode([None if v is None else str(v) for v in values]), dictionary)
    if like.dtype == np.int8:
        return np.array([1 if v is None else 2 * bool(v) for v in values], np.int8)
    return np.array([np.nan if v is None else v for v in values], np.float64)
