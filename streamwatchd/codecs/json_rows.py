"""`format: json`: one JSON object per record.

What is a good record never depends on what rules read. It is refused, with a stable reason, when it is

| reason | means |
| --- | --- |
| `empty` | a null (tombstone), empty or blank payload |
| `too_large` | more than `max_bytes` |
| `bad_utf8` | not UTF-8, anywhere |
| `too_deep` | objects and arrays nested more than 64 deep, anywhere |
| `bad_json` | not one JSON text by RFC 8259 (NaN, Infinity, lone surrogates, two texts, a byte order mark, …) |
| `not_an_object` | another JSON value |
| `wrong_type: FIELD` | a declared field holds another type, or a number beyond the range of a double |
| `too_long: FIELD` | a declared field holds a text of more than 65,536 characters |
| `missing_time`, `bad_time` | no time (or null), or no time that can be read |
| `future_time` | a time beyond the clock and `max_future` |

An undeclared field that does not fit the kind that rules read it as is null, and counted in `unfit` if the record is
good; so is a number out of range such as 1e400, which is valid JSON, and a text of more than 65,536 characters: texts
become keys and cross the exchange, where a record has its bounds. Booleans are no numbers, "5" is no number, 5 is no
string. Of duplicate fields the last counts. A null is a missing value. A name with dots is looked for as it stands,
then as a path through nested objects; the first place that is not null counts.

A record is decoded by one call into a struct of the wanted fields. What is no JSON for that is none for any other
reader; what does not fit it is read again with care.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import Any, cast

import numpy as np

from streamwatchd.batch import Column, Decoded, Dictionary, Frame, RawBatch, Refused, Rows, Strings, Times
from streamwatchd.codecs.base import KAFKA_TIME, EventSchema
from streamwatchd.codecs.event_time import MISSING_TIME, TimeValue, parse_times, unreadable
from streamwatchd.codecs.json_batch import DOUBTFUL, TORN, Batch, leave_out, left_out, rows_without
from streamwatchd.codecs.json_kinds import PYTHON_TYPES, SCALAR, TIME_TYPES, TYPES, Columns
from streamwatchd.codecs.json_layout import build_layout, decode_all
from streamwatchd.codecs.json_refusal import refusal, suspects
from streamwatchd.codecs.json_salvage import Salvager
from streamwatchd.lang.typed import Kind

# Records decoded in one go. Each pass over the objects of so many finds them in the processor's cache still; with whole
# batches of 20,000 decoding takes more than twice as long (`python -m benchmarks.decode`).
SLICE = 1024
_MAX_NAMES = 1_000_000
# Doubtful records read in one go: enough to share what a batch costs, few enough that what is learnt is soon used.
_MANY_DOUBTFUL = 256
# Times of another kind than most: one in so many leaves a slice as good as all of a kind; that many, and one in 16 of a
# batch, make both kinds usual.
_FEW_ODD = 64
_MANY_ODD = 16
_HARMLESS = b"{}"
_TIME_KIND: dict[type, Kind] = {int: Kind.NUMBER, float: Kind.NUMBER, str: Kind.STRING}
_TRUTHS: dict[bool | None, int] = {False: 0, None: 1, True: 2}
_LARGEST = int(np.finfo(np.float64).max)


class JsonDecoder:
    """Decodes the JSON records of one source; see the module for what is refused."""

    def __init__(self, schema: EventSchema) -> None:
        self._schema = schema
        self._kinds: dict[str, Kind] = {**schema.inferred, **schema.declared}
        self._time_field = "" if schema.time_field == KAFKA_TIME else schema.time_field
        types = {name: TYPES[kind] for name, kind in self._kinds.items()}
        if self._time_field:
            types[self._time_field] = TIME_TYPES[schema.declared.get(self._time_field)]
        self._types = types
        self._layout = build_layout(types)
        self._loose: set[str] = set()
        self._time_kind: Kind | None = None
        self._any_time = not self._time_field or self._time_field in schema.declared
        self._salvager = Salvager(schema, self._kinds, types, self._time_field)
        self._dictionaries = {name: Dictionary() for name, kind in self._kinds.items() if kind is Kind.STRING}

    def decode(self, raw: RawBatch, now_ms: int, max_future_ms: int) -> Decoded:
        self._shorten_dictionaries()
        batch = Batch(raw)
        for at in range(0, max(1, len(raw)), SLICE):
            self._usual(batch, at)
            if batch.doubtful >= _MANY_DOUBTFUL:
                self._careful(batch)
        if batch.doubtful or not batch.usual:
            self._careful(batch)
        for row in batch.rows(TORN).tolist():
            batch.refused[row] = refusal(raw.payloads[row], self._schema.max_bytes) or "bad_json"
        frame = batch.frame(now_ms + max_future_ms)
        rows = sorted(batch.refused)
        refused = Refused(rows, list(map(batch.refused.__getitem__, rows)))
        return Decoded(frame, refused, batch.unfit())

    def _usual(self, batch: Batch, at: int) -> None:
        """The records from row `at` on that a struct takes; the others are torn or doubtful."""
        found = batch.raw.payloads[at : at + SLICE]
        payloads = found if isinstance(found, list) else list(found)  # a copy in any case
        end = at + len(payloads)
        if self._layout is None:
            batch.mark(DOUBTFUL, at, range(len(payloads)))
            return
        objects, torn, doubtful = decode_all(payloads, self._layout)
        absent = torn + doubtful
        for row in absent:
            payloads[row] = _HARMLESS
        if broken := self._limit_breakers(cast("list[bytes]", payloads)):
            leave_out(objects, np.searchsorted(rows_without(0, len(payloads), absent), broken).tolist())
            torn, absent = torn + broken, absent + broken
        batch.mark(TORN, at, torn)
        batch.mark(DOUBTFUL, at, doubtful)
        if not objects:
            return
        values = self._layout.columns(objects)
        if not self._any_time and self._time_kind is None:
            self._narrow_time(values[self._time_field])
        uncertain = self._loose | ({self._time_field} & self._kinds.keys())
        rows = partial(rows_without, at, end, absent)
        batch.usual.append(self._frame(batch, rows, self._times(batch.raw, values, rows), values, uncertain))

    def _limit_breakers(self, texts: Sequence[bytes]) -> list[int]:
        """Rows of texts that a struct takes, and that are refused all the same."""
        max_bytes = self._schema.max_bytes
        return [each for each in suspects(texts, max_bytes) if refusal(texts[each], max_bytes)]

    def _careful(self, batch: Batch) -> None:
        """The doubtful records."""
        found, values = self._salvager.read(batch.raw.payloads, batch.take_doubtful(), batch.refused)
        rows = np.array(found, np.intp)
        if self._time_kind is not None:
            self._widen_time(values[self._time_field], len(batch.raw))
        times = self._times(batch.raw, values, lambda: rows)
        if (untimed := unreadable(times)).any():  # among the others they would only bring the batch out of order
            batch.refuse_times(rows[untimed], times[untimed])
            if batch.usual and untimed.all():
                return
            out = np.flatnonzero(untimed).tolist()
            values = {name: left_out(column, out) for name, column in values.items()}
            rows, times = rows[~untimed], times[~untimed]
        if len(rows) or not batch.usual:
            batch.salvaged.append(self._frame(batch, lambda: rows, times, values, self._kinds.keys()))
            batch.salvaged_rows.append(rows)

    def _narrow_time(self, times: Sequence[Any]) -> None:
        """Where nearly all are texts, or numbers, another one makes its record doubtful from the next slice on.

        The results are the same: but a few texts among numbers cost the reading of theirs, and not of the whole slice.
        """
        kinds: Counter[Kind | None] = Counter()
        for type_, count in Counter(map(type, times)).items():
            kinds[_TIME_KIND.get(type_)] += count
        for kind in _TIME_KIND.values():
            if kinds[kind] and len(times) - kinds[kind] <= len(times) // _FEW_ODD:
                self._time_kind = kind
        if self._time_kind is not None:
            self._lay_out()

    def _widen_time(self, times: Sequence[Any], records: int) -> None:
        """Where many of a batch's `records` have times of the other kind, both are usual for good."""
        others = sum(_TIME_KIND.get(type(value), self._time_kind) is not self._time_kind for value in times)
        if others > _MANY_ODD + records // 16:
            self._time_kind, self._any_time = None, True
            self._lay_out()

    def _lay_out(self) -> None:
        types = self._types | dict.fromkeys(self._loose, SCALAR)
        if self._time_kind is not None:
            types[self._time_field] = TIME_TYPES[self._time_kind]
        self._layout = build_layout(types)

    def _frame(
        self, batch: Batch, rows: Callable[[], Rows], times: Times, values: Columns, uncertain: Iterable[str]
    ) -> Frame:
        """The times and values of `rows`; values of the fields in `uncertain` may be of another kind."""
        for name, at in self._take_out_misfits(values, uncertain).items():
            batch.misfits.setdefault(name, set()).update(rows()[at].tolist())
        columns = {name: self._column(name, kind, values[name]) for name, kind in self._kinds.items()}
        return Frame(times, columns)

    def _shorten_dictionaries(self) -> None:
        """Start anew with those that have grown too large; between batches, as the rows of one share a dictionary."""
        for name, dictionary in self._dictionaries.items():
            if len(dictionary.names) > _MAX_NAMES:
                self._dictionaries[name] = Dictionary()

    def _times(self, raw: RawBatch, values: Mapping[str, Sequence[Any]], kept: Callable[[], Rows]) -> Times:
        if self._time_field:
            found: Sequence[TimeValue] = values[self._time_field]
            return parse_times(found, self._schema.time_unit)
        stamps = np.array(raw.timestamps, np.int64)[kept()]
        return np.where(stamps < 0, MISSING_TIME, stamps)

    def _take_out_misfits(self, values: Columns, uncertain: Iterable[str]) -> dict[str, list[int]]:
        """Nulls for values of other kinds than asked for, in place, and their rows by field.

        From the next slice on any scalar is taken for such a field: the results are the same, and a field that often
        does not fit costs no second reading of its records.
        """
        misfits: dict[str, list[int]] = {}
        for name in uncertain:
            values[name], rows = _fitting(values[name], self._kinds[name])
            if rows:
                misfits[name] = rows
        new = misfits.keys() - self._loose - {self._time_field}
        if new:
            self._loose |= new
            self._lay_out()
        return misfits

    def _column(self, name: str, kind: Kind, values: Sequence[Any]) -> Column:
        match kind:
            case Kind.NUMBER:
                return np.array(values, np.float64)
            case Kind.BOOL:
                return np.fromiter(map(_TRUTHS.__getitem__, values), np.int8, len(values))
            case Kind.STRING:
                dictionary = self._dictionaries[name]
                return Strings(dictionary.encode(values), dictionary)


def _fitting(values: Sequence[Any], kind: Kind) -> tuple[Sequence[Any], list[int]]:
    """The values with None for those of another kind, and the rows of these."""
    types = PYTHON_TYPES[kind]
    found = set(map(type, values))
    if found <= {*types, type(None)} and int not in found:
        return values, []
    rows = [row for row, value in enumerate(values) if type(value) not in types or _too_big(value)]
    rows = [row for row in rows if values[row] is not None]
    fitting = list(values)
    for row in rows:
        fitting[row] = None
    return fitting, rows


def _too_big(value: object) -> bool:
    """Whether an integer is beyond the range of a double."""
    return isinstance(value, int) and abs(value) > _LARGEST
