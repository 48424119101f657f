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

A record is decoded by one call into a struct of the wanted fields; what that refuses is read again with care, alone.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import repeat
from typing import Annotated, Any, cast

import msgspec
import numpy as np
import numpy.typing as npt

from streamwatchd.batch import Column, Decoded, Dictionary, Frame, RawBatch, Rejected, Rows, Strings, Times
from streamwatchd.codecs.base import KAFKA_TIME, EventSchema
from streamwatchd.codecs.event_time import BAD_TIME, MISSING_TIME, TimeValue, parse_times, unreadable
from streamwatchd.codecs.json_layout import Layout, build_layout, places
from streamwatchd.errors import BadRecord
from streamwatchd.lang.typed import Kind

MAX_DEPTH = 64
MAX_TEXT = 65_536
# Records decoded in one go. Each pass over the objects of so many finds them in the processor's cache still; with whole
# batches of 20,000 decoding takes more than twice as long (`python -m benchmarks.decode`).
SLICE = 1024
_MAX_NAMES = 1_000_000

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
_TRUTHS: dict[bool | None, int] = {False: 0, None: 1, True: 2}
_LARGEST = int(np.finfo(np.float64).max)
_MISFIT = object()  # stands for a value that does not fit

_STRING = re.compile(rb'"(?:[^"\\]++|\\.)*+(?:"|\\?\Z)', re.DOTALL)  # closed or torn, in linear time
_DECODE_ERRORS = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)  # ValidationError is a DecodeError

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
        self._readers = {name: msgspec.json.Decoder(type_).decode for name, type_ in types.items()}
        self._dictionaries = {name: Dictionary() for name, kind in self._kinds.items() if kind is Kind.STRING}

    def decode(self, raw: RawBatch, now_ms: int, max_future_ms: int) -> Decoded:
        self._shorten_dictionaries()
        starts = range(0, max(1, len(raw)), SLICE)
        return joined([self._decode(_slice(raw, at), now_ms, max_future_ms) for at in starts], starts)

    def _decode(self, raw: RawBatch, now_ms: int, max_future_ms: int) -> Decoded:
        values, refused, salvaged = self._read(raw.payloads)
        kept = np.arange(len(raw))
        if refused:
            kept = np.delete(kept, list(refused))
        times = self._times(raw, values, kept)
        misfits = self._take_out_misfits(values, salvaged)
        columns = {name: self._column(name, kind, values[name]) for name, kind in self._kinds.items()}
        good = ~(unreadable(times) | (times > now_ms + max_future_ms))
        frame = Frame(times, columns, kept)
        unfit = {name: len(rows) for name, rows in misfits.items()}
        if not good.all():
            bad = np.flatnonzero(~good)
            refused |= zip(kept[bad].tolist(), map(_time_reason, times[bad]), strict=True)
            frame = frame.take(good)
            unfit = {name: count for name, rows in misfits.items() if (count := int(good[rows].sum()))}
        return Decoded(frame, [Rejected(row, reason) for row, reason in sorted(refused.items())], unfit)

    def _shorten_dictionaries(self) -> None:
        """Start anew with those that have grown too large; between batches, as the rows of one share a dictionary."""
        for name, dictionary in self._dictionaries.items():
            if len(dictionary.names) > _MAX_NAMES:
                self._dictionaries[name] = Dictionary()

    def _read(self, payloads: Sequence[bytes | None]) -> tuple[Columns, dict[int, str], bool]:
        """All wanted values by field, one entry a payload that is not refused; the reasons of those that are, by their
        rows; and whether any values were read with care, which may be `_MISFIT`."""
        refused: dict[int, str] = {}
        salvaged: dict[int, dict[str, Any]] = {}
        layout = self._layout
        objects, doubtful = ([], range(len(payloads))) if layout is None else decode_all(payloads, layout)
        for row in doubtful:
            try:
                salvaged[row] = self._salvage(payloads[row])
            except BadRecord as error:
                refused[row] = error.reason
        for row in _suspects(payloads, refused, self._schema.max_bytes):
            reason = _refusal(payloads[row], self._schema.max_bytes)
            if reason:
                refused[row] = reason
        count = len(payloads) - len(refused)
        values: Columns = dict.fromkeys(self._names, [None] * count)
        if layout is not None:
            values = layout.columns(_without(objects, refused))
        if salvaged:
            shift = sorted(refused)
            salvaged = {row - bisect_left(shift, row): found for row, found in salvaged.items() if row not in refused}
            values = _patched(values, salvaged)
        return values, refused, bool(salvaged)

    def _salvage(self, payload: bytes | None) -> dict[str, Any]:
        """The values of a record that did not fit the struct; raises BadRecord if it is none of the good ones."""
        reason = _refusal(payload, self._schema.max_bytes)
        if payload is None or reason:
            raise BadRecord(reason)
        try:
            record = _decode_object(payload)
        except msgspec.ValidationError:
            raise BadRecord("not_an_object" if _is_json(payload) else "bad_json") from None
        except _DECODE_ERRORS:
            raise BadRecord("bad_json") from None
        return {name: self._salvage_field(record, name) for name in self._names}

    def _salvage_field(self, record: dict[str, msgspec.Raw], name: str) -> Any:
        found = _find(record, name)
        if found is None:
            return None
        try:
            return self._readers[name](found)
        except _DECODE_ERRORS:
            if name in self._schema.declared:
                raise BadRecord(f"{_misfit(found, self._kinds.get(name))}: {name}") from None
            return _MISFIT

    def _times(self, raw: RawBatch, values: Columns, kept: Rows) -> Times:
        if self._time_field:
            found: Sequence[TimeValue] = values[self._time_field]
            return parse_times(found, self._schema.time_unit)
        stamps = np.array(raw.timestamps, np.int64)[kept]
        return np.where(stamps < 0, MISSING_TIME, stamps)

    def _take_out_misfits(self, values: Columns, salvaged: bool) -> dict[str, list[int]]:
        """Nulls for values of other kinds than asked for, in place, and their rows by field.

        From the next batch on any scalar is taken for such a field: the results are the same, and a field that often
        does not fit costs no second reading of its records.
        """
        misfits: dict[str, list[int]] = {}
        for name, kind in self._kinds.items():
            if salvaged or name in self._loose or name == self._time_field:
                values[name], rows = _fitting(values[name], kind)
                if rows:
                    misfits[name] = rows
        new = misfits.keys() - self._loose - {self._time_field}
        if new:
            self._loose |= new
            self._layout = build_layout(self._types | dict.fromkeys(self._loose, _SCALAR))
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


def _without(items: Sequence[Any], rows: Iterable[int]) -> list[Any]:
    """All items but those of a few rows."""
    left = list(items)
    for row in sorted(rows, reverse=True):
        del left[row]
    return left


def _patched(values: Columns, salvaged: Mapping[int, Mapping[str, Any]]) -> Columns:
    """The values with those of some rows put in."""
    patched: Columns = {}
    for name, column in values.items():
        patched[name] = fresh = list(column)
        for row, found in salvaged.items():
            fresh[row] = found[name]
    return patched


def _slice(raw: RawBatch, at: int) -> RawBatch:
    if len(raw) <= SLICE:
        return raw
    rows = slice(at, at + SLICE)
    return RawBatch(raw.topic, raw.partition, raw.payloads[rows], raw.offsets[rows], raw.timestamps[rows])


def joined(parts: Sequence[Decoded], starts: Sequence[int]) -> Decoded:
    """The slices of one batch as one; string columns of a field share their dictionary."""
    if len(parts) == 1:
        return parts[0]
    frames = [part.frame for part in parts]
    columns = {name: _joined_column([frame.columns[name] for frame in frames]) for name in frames[0].columns}
    positions = [
        frame.position + start for frame, start in zip(frames, starts, strict=True) if frame.position is not None
    ]
    frame = Frame(np.concatenate([each.time for each in frames]), columns, np.concatenate(positions))
    rejected = [
        Rejected(each.index + start, each.reason)
        for part, start in zip(parts, starts, strict=True)
        for each in part.rejected
    ]
    unfit: Counter[str] = Counter()
    for part in parts:
        unfit.update(part.unfit)
    return Decoded(frame, rejected, unfit)


def _joined_column(parts: Sequence[Column]) -> Column:
    first = parts[0]
    if isinstance(first, Strings):
        return Strings(np.concatenate([cast(Strings, part).codes for part in parts]), first.dictionary)
    return np.concatenate(cast("Sequence[npt.NDArray[Any]]", parts))


def decode_all(payloads: Sequence[bytes | None], layout: Layout) -> tuple[list[Any], list[int]]:
    """An object a payload, and the rows that did not decode (they hold the empty object).

    `list.extend` keeps what its iterator gave before it raised, so one loop turn is spent per refused record only.
    """
    objects: list[Any] = []
    doubtful: list[int] = []
    rest = map(layout.decode, payloads)
    while True:
        try:
            objects.extend(rest)
            return objects, doubtful
        except (*_DECODE_ERRORS, TypeError):  # TypeError: a null payload
            doubtful.append(len(objects))
            objects.append(layout.empty)


def _suspects(payloads: Sequence[bytes | None], refused: dict[int, str], max_bytes: int) -> list[int]:
    """Rows that may break a limit which the struct decoder does not check: UTF-8, size, depth.

    The usual batch is cleared as a whole: each kept record opens one brace at least, and ends with one, so that no
    character spans two records.
    """
    texts = cast("list[bytes]", _without(payloads, refused) if refused else payloads)
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
    rows = np.delete(np.arange(len(payloads)), list(refused)) if refused else np.arange(len(payloads))
    return [int(row) for row in rows[suspect]]


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True


def _refusal(payload: bytes | None, max_bytes: int) -> str:
    """Why a payload is refused whatever is asked for, as far as it shows without parsing; or the empty string."""
    if payload is None or not payload.strip(b" \t\r\n"):
        return "empty"
    if len(payload) > max_bytes:
        return "too_large"
    if not _is_utf8(payload):
        return "bad_utf8"
    return "too_deep" if _depth(payload) > MAX_DEPTH else ""


def _is_json(payload: bytes) -> bool:
    try:
        _decode_any(payload)
    except _DECODE_ERRORS:
        return False
    return True


def _depth(payload: bytes) -> int:
    """How deep brackets outside strings nest; cheap where there are too few of them to matter."""
    if payload.count(b"{") + payload.count(b"[") <= MAX_DEPTH:
        return 0
    text = np.frombuffer(_STRING.sub(b"", payload), np.uint8)
    opens = np.isin(text, np.frombuffer(b"{[", np.uint8))
    closes = np.isin(text, np.frombuffer(b"}]", np.uint8))
    return int(np.cumsum(opens.astype(np.int64) - closes).max(initial=0))


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
    try:
        return "too_long" if kind is Kind.STRING and len(_decode_text(value)) > MAX_TEXT else "wrong_type"
    except _DECODE_ERRORS:
        return "wrong_type"


def _inner(value: msgspec.Raw | None) -> dict[str, msgspec.Raw]:
    """The object in `value`; empty where there is none."""
    try:
        return {} if value is None else _decode_object(value)
    except msgspec.ValidationError:
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
