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
reader; what does not fit it is read again with care, alone.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import compress, repeat, starmap
from typing import Annotated, Any, cast

import msgspec
import numpy as np
import numpy.typing as npt
from msgspec import DecodeError, ValidationError

from streamwatchd.batch import Column, Decoded, Dictionary, Frame, RawBatch, Rejected, Rows, Strings, Times
from streamwatchd.codecs.base import KAFKA_TIME, EventSchema
from streamwatchd.codecs.event_time import BAD_TIME, MISSING_TIME, TimeValue, parse_times, unreadable
from streamwatchd.codecs.json_layout import Layout, build_layout, places
from streamwatchd.lang.typed import Kind

MAX_DEPTH = 64
MAX_TEXT = 65_536
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
# What nests too deep nearly always does so in its first bytes.
_FIRST_BYTES = 512

Columns = dict[str, Sequence[Any]]
"""Values by field, one a record."""

_Text = Annotated[str, msgspec.Meta(max_length=MAX_TEXT)]
_TYPES: dict[Kind, object] = {Kind.NUMBER: float | None, Kind.STRING: _Text | None, Kind.BOOL: bool | None}
_TIME_TYPES: dict[Kind | None, object] = {
    None: int | float | str | None,
    Kind.NUMBER: int | float | None,
    Kind.STRING: str | None,
    Kind.BOOL: bool | None,
}
_SCALAR = float | _Text | bool | None
_PYTHON_TYPES: dict[Kind, tuple[type, ...]] = {Kind.NUMBER: (int, float), Kind.STRING: (str,), Kind.BOOL: (bool,)}
_TIME_KIND: dict[type, Kind] = {int: Kind.NUMBER, float: Kind.NUMBER, str: Kind.STRING}
_TRUTHS: dict[bool | None, int] = {False: 0, None: 1, True: 2}
_LARGEST = int(np.finfo(np.float64).max)
_MISFIT = object()  # stands for a value that does not fit
_BEGINS = {Kind.NUMBER: b"-0123456789n", Kind.STRING: b'"n', Kind.BOOL: b"tfn"}
_ANYTHING = bytes(range(256))

_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)  # closed or torn, in linear time
_BLANKS = b" \t\r\n"
_UNTOLD = bytes(set(range(256)) - set(b'{[]}"'))
_NO_BRACKETS = bytes(set(range(256)) - set(b"{[]}"))
_STEPS = bytes.maketrans(b"{[]}", b"\x01\x01\xff\xff")  # down and up, as int8
_DECODE_ERRORS = (DecodeError, UnicodeDecodeError, RecursionError)  # ValidationError is a DecodeError

_decode_object: Callable[[bytes], dict[str, msgspec.Raw]] = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_text: Callable[[bytes], str] = msgspec.json.Decoder(str).decode
_decode_any = msgspec.json.Decoder(msgspec.Raw).decode


class JsonDecoder:
    """Decodes the JSON records of one source; see the module for what is refused."""

    def __init__(self, schema: EventSchema) -> None:
        self._schema = schema
        self._kinds: dict[str, Kind] = {**schema.inferred, **schema.declared}
        self._time_field = "" if schema.time_field == KAFKA_TIME else schema.time_field
        types = {name: _TYPES[kind] for name, kind in self._kinds.items()}
        if self._time_field:
            types[self._time_field] = _TIME_TYPES[schema.declared.get(self._time_field)]
        self._types = types
        self._layout = build_layout(types)
        self._names = tuple(types)
        self._loose: set[str] = set()
        self._time_kind: Kind | None = None
        self._any_time = not self._time_field or self._time_field in schema.declared
        self._readers = {name: self._reader(name, type_) for name, type_ in types.items()}
        self._dictionaries = {name: Dictionary() for name, kind in self._kinds.items() if kind is Kind.STRING}

    def decode(self, raw: RawBatch, now_ms: int, max_future_ms: int) -> Decoded:
        self._shorten_dictionaries()
        batch = _Batch(raw)
        for at in range(0, max(1, len(raw)), SLICE):
            self._usual(batch, at)
            if len(batch.doubtful) >= _MANY_DOUBTFUL:
                self._careful(batch)
        self._careful(batch)
        frame = batch.frame(now_ms + max_future_ms)
        refused = list(starmap(Rejected, sorted(batch.refused.items())))
        return Decoded(frame, refused, batch.unfit())

    def _usual(self, batch: _Batch, at: int) -> None:
        """The records from row `at` on that a struct takes; the others are doubtful."""
        payloads = batch.raw.payloads[at : at + SLICE]
        if self._layout is None:
            batch.doubtful += range(at, at + len(payloads))
            return
        objects, torn, doubtful = decode_all(payloads, self._layout)
        max_bytes = self._schema.max_bytes
        left = list(payloads)
        for row in torn:
            batch.refused[at + row] = _refusal(left[row], max_bytes) or "bad_json"
            left[row] = b"{}"
        for row in doubtful:
            left[row] = b"{}"
        for row in _suspects(cast("list[bytes]", left), max_bytes):
            if reason := _refusal(payloads[row], max_bytes):
                batch.refused[at + row] = reason
        values = self._layout.columns(objects)
        if not self._any_time and self._time_kind is None:
            self._narrow_time(values[self._time_field])
        uncertain = self._loose | ({self._time_field} & self._kinds.keys())
        rows = np.arange(at, at + len(payloads))
        batch.usual.append(self._frame(batch, rows, self._times(batch.raw, values, rows), values, uncertain))
        batch.doubt([at + row for row in doubtful])

    def _careful(self, batch: _Batch) -> None:
        """The doubtful records, one by one."""
        found: dict[int, dict[str, Any]] = {}
        for row in batch.doubtful:
            salvaged = self._salvage(batch.raw.payloads[row])
            if isinstance(salvaged, str):
                batch.refused[row] = salvaged
            else:
                found[row] = salvaged
        batch.doubtful.clear()
        rows = np.array(list(found), np.intp)
        values: Columns = {name: [each[name] for each in found.values()] for name in self._names}
        if self._time_kind is not None:
            self._widen_time(values[self._time_field], len(batch.raw))
        times = self._times(batch.raw, values, rows)
        if (untimed := unreadable(times)).any():  # among the others they would only bring the batch out of order
            batch.refused |= zip(rows[untimed].tolist(), map(_time_reason, times[untimed]), strict=True)
            values = {name: list(compress(column, ~untimed)) for name, column in values.items()}
            rows, times = rows[~untimed], times[~untimed]
        if len(rows) or not batch.usual:
            batch.salvaged.append(self._frame(batch, rows, times, values, self._kinds.keys()))

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
        types = self._types | dict.fromkeys(self._loose, _SCALAR)
        if self._time_kind is not None:
            types[self._time_field] = _TIME_TYPES[self._time_kind]
        self._layout = build_layout(types)

    def _frame(self, batch: _Batch, rows: Rows, times: Times, values: Columns, uncertain: Iterable[str]) -> Frame:
        """The times and values of `rows`; values of the fields in `uncertain` may be of another kind."""
        for name, at in self._take_out_misfits(values, uncertain).items():
            batch.misfits.setdefault(name, set()).update(rows[at].tolist())
        columns = {name: self._column(name, kind, values[name]) for name, kind in self._kinds.items()}
        return Frame(times, columns, rows)

    def _shorten_dictionaries(self) -> None:
        """Start anew with those that have grown too large; between batches, as the rows of one share a dictionary."""
        for name, dictionary in self._dictionaries.items():
            if len(dictionary.names) > _MAX_NAMES:
                self._dictionaries[name] = Dictionary()

    def _salvage(self, payload: bytes | None) -> dict[str, Any] | str:
        """The values of a record that did not fit the struct, or why it is none of the good ones."""
        reason = _refusal(payload, self._schema.max_bytes)
        if payload is None or reason:
            return reason
        if payload.lstrip(_BLANKS)[:1] != b"{":
            return "not_an_object" if _is_json(payload) else "bad_json"
        try:
            record = _decode_object(payload)
        except _DECODE_ERRORS:
            return "bad_json"
        values: dict[str, Any] = {}
        for name, read in self._readers.items():
            found = _find(record, name) if "." in name else record.get(name)
            value = values[name] = None if found is None else read(found)
            if value is _MISFIT and found is not None and name in self._schema.declared:
                return f"{_misfit(found, self._kinds.get(name))}: {name}"
        return values

    def _reader(self, name: str, type_: object) -> Callable[[msgspec.Raw], Any]:
        """Reads the value of a field alone; gives `_MISFIT` for one of another kind."""
        decode = msgspec.json.Decoder(type_).decode
        begins = _ANYTHING if name == self._time_field else _BEGINS[self._kinds[name]]

        def read(found: msgspec.Raw) -> Any:
            if bytes(found)[0] not in begins:  # without the cost of an exception
                return _MISFIT
            try:
                return decode(found)
            except _DECODE_ERRORS:
                return _MISFIT

        return read

    def _times(self, raw: RawBatch, values: Mapping[str, Sequence[Any]], kept: Rows) -> Times:
        if self._time_field:
            found: Sequence[TimeValue] = values[self._time_field]
            return parse_times(found, self._schema.time_unit)
        stamps = np.array(raw.timestamps, np.int64)[kept]
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


class _Batch:
    """What has been found of a batch so far; rows are those of `raw`.

    `usual` are all rows, with others in the place of the doubtful ones, so that all is done in one go; `salvaged` are
    those of the doubtful ones that were read with care and are good.
    """

    def __init__(self, raw: RawBatch) -> None:
        self.raw = raw
        self.usual: list[Frame] = []
        self.salvaged: list[Frame] = []
        self.doubtful: list[int] = []
        """Those that are not yet read with care."""
        self.refused: dict[int, str] = {}
        self.misfits: dict[str, set[int]] = {}
        """By field, the rows whose value became null."""
        self._stand_ins: list[int] = []

    def doubt(self, rows: Sequence[int]) -> None:
        """What the newest usual frame has in these rows is not theirs."""
        self.doubtful += rows
        self._stand_ins += rows
        for misfits in self.misfits.values() if rows else ():
            misfits.difference_update(rows)

    def frame(self, latest_ms: int) -> Frame:
        """The good rows, in the order of the log; those without a time up to `latest_ms` are refused."""
        frame = joined([*self.usual, *self.salvaged])
        position = cast(Rows, frame.position)
        there = np.ones(len(frame), np.bool_)
        if self.usual and (out := [*self._stand_ins, *self.refused]):
            there[out] = False
        timed = ~unreadable(frame.time) & (frame.time <= latest_ms)
        untimed = there & ~timed
        self.refused |= zip(position[untimed].tolist(), map(_time_reason, frame.time[untimed]), strict=True)
        there &= timed
        if there.all() and not (self.usual and self.salvaged):
            return frame
        rows = np.flatnonzero(there)
        return frame.take(rows[np.argsort(position[rows])] if self.salvaged else rows)

    def unfit(self) -> dict[str, int]:
        """How many good rows have null for a value that did not fit, by field."""
        found = {name: len(rows - self.refused.keys()) for name, rows in self.misfits.items()}
        return {name: count for name, count in found.items() if count}


def joined(frames: Sequence[Frame]) -> Frame:
    """The frames of one batch, one after the other; string columns of a field share their dictionary."""
    if len(frames) == 1:
        return frames[0]
    columns = {name: _joined_column([frame.columns[name] for frame in frames]) for name in frames[0].columns}
    positions = np.concatenate([cast(Rows, frame.position) for frame in frames])
    return Frame(np.concatenate([each.time for each in frames]), columns, positions)


def _joined_column(parts: Sequence[Column]) -> Column:
    first = parts[0]
    if isinstance(first, Strings):
        return Strings(np.concatenate([cast(Strings, part).codes for part in parts]), first.dictionary)
    return np.concatenate(cast("Sequence[npt.NDArray[Any]]", parts))


def decode_all(payloads: Sequence[bytes | None], layout: Layout) -> tuple[list[Any], list[int], list[int]]:
    """An object a payload, the rows that are no JSON, and those that did not fit; for both the object before stands in.

    `list.extend` keeps what its iterator gave before it raised, so one loop turn is spent per refused record only.
    """
    objects: list[Any] = []
    torn: list[int] = []
    doubtful: list[int] = []
    rest = map(layout.decode, payloads)
    while True:
        try:
            objects.extend(rest)
            return objects, torn, doubtful
        except ValidationError:
            doubtful.append(len(objects))
        except DecodeError:
            torn.append(len(objects))
        except (UnicodeDecodeError, RecursionError, TypeError):  # TypeError: a null payload
            doubtful.append(len(objects))
        objects.append(objects[-1] if objects else layout.empty)


def _suspects(texts: Sequence[bytes], max_bytes: int) -> list[int]:
    """Rows that may break a limit which the struct decoder does not check: UTF-8, size, depth.

    The usual batch is cleared as a whole: each kept record opens one brace at least, and ends with one, so that no
    character spans two records.
    """
    joined = b"".join(texts)
    utf8 = joined.isascii() or _is_utf8(joined)
    opened = joined.count(b"{") - len(texts) + (joined.count(b"[") if b"[" in joined else 0)
    if utf8 and opened < MAX_DEPTH and (len(joined) <= max_bytes or max(map(len, texts)) <= max_bytes):
        return []
    counts = [np.fromiter(map(bytes.count, texts, repeat(bracket)), np.int64, len(texts)) for bracket in (b"{", b"[")]
    suspect = counts[0] + counts[1] > MAX_DEPTH
    suspect |= np.fromiter(map(len, texts), np.int64, len(texts)) > max_bytes
    if not utf8:
        suspect |= ~np.fromiter(map(bytes.isascii, texts), np.bool_, len(texts))
    return np.flatnonzero(suspect).tolist()


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _refusal(payload: bytes | None, max_bytes: int) -> str:
    """Why a payload is refused whatever is asked for, as far as it shows without parsing; or the empty string."""
    if payload is None or not payload.strip(_BLANKS):
        return "empty"
    if len(payload) > max_bytes:
        return "too_large"
    if not (payload.isascii() or _is_utf8(payload)):
        return "bad_utf8"
    if payload.count(b"{") + payload.count(b"[") <= MAX_DEPTH:  # of nearly all: nothing more to look at
        return ""
    return "too_deep" if _depth(payload) > MAX_DEPTH else ""


def _is_json(payload: bytes) -> bool:
    try:
        _decode_any(payload)
    except _DECODE_ERRORS:
        return False
    return True


def _depth(payload: bytes) -> int:
    """How deep brackets outside strings nest, or a depth beyond the most."""
    if len(payload) > _FIRST_BYTES and (seen := _depth(payload[:_FIRST_BYTES])) > MAX_DEPTH:
        return seen
    if b"\\" in payload:
        bare = _STRING.sub(b"", payload)
    else:  # a pair of quotes that meet changes nothing for the rest; between others every second stretch is a string
        bare = payload.translate(None, _UNTOLD).replace(b'""', b"")
        if b'"' in bare:
            bare = b"".join(bare.split(b'"')[::2])
    if (opened := len(bare) - len(bare.lstrip(b"{["))) > MAX_DEPTH:
        return opened
    brackets = bare.translate(_STEPS, _NO_BRACKETS)
    return int(np.cumsum(np.frombuffer(brackets, np.int8), dtype=np.int64).max(initial=0))


def _find(record: dict[str, msgspec.Raw], name: str) -> msgspec.Raw | None:
    """The value of a field where it is not null, in the first of its places."""
    for path in places(name):
        holder: dict[str, msgspec.Raw] = record
        for part in path[:-1]:
            holder = _inner(holder.get(part))
        found = holder.get(path[-1])
        if found is not None and bytes(found) != b"null":
            return found
    return None


def _misfit(value: msgspec.Raw, kind: Kind | None) -> str:
    """Why the value of a declared field is refused."""
    if kind is not Kind.STRING or bytes(value)[:1] != b'"':
        return "wrong_type"
    try:
        return "too_long" if len(_decode_text(value)) > MAX_TEXT else "wrong_type"
    except _DECODE_ERRORS:
        return "wrong_type"


def _inner(value: msgspec.Raw | None) -> dict[str, msgspec.Raw]:
    """The object in `value`; empty where there is none."""
    try:
        return {} if value is None else _decode_object(value)
    except ValidationError:
        return {}


def _fitting(values: Sequence[Any], kind: Kind) -> tuple[Sequence[Any], list[int]]:
    """The values with None for those of another kind, and the rows of these."""
    types = _PYTHON_TYPES[kind]
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


def _time_reason(time: np.int64) -> str:
    if time == BAD_TIME:
        return "bad_time"
    return "missing_time" if time == MISSING_TIME else "future_time"
