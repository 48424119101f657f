"""Records that did not fit the struct of the wanted types, read with care: good ones, and why the others are none."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import NoneType
from typing import Any, cast

import msgspec
from msgspec import ValidationError

from streamwatchd.codecs.base import EventSchema
from streamwatchd.codecs.json_batch import left_out
from streamwatchd.codecs.json_kinds import MAX_TEXT, PYTHON_TYPES, SCALAR, TIME_TYPES, Columns
from streamwatchd.codecs.json_layout import build_layout, decode_all, places
from streamwatchd.codecs.json_refusal import DECODE_ERRORS, outer_refusal
from streamwatchd.lang.typed import Kind

_MISFIT = object()  # stands for a value that does not fit
_BEGINS = {Kind.NUMBER: b"-0123456789n", Kind.STRING: b'"n', Kind.BOOL: b"tfn"}
_ANYTHING = bytes(range(256))

_decode_object: Callable[[bytes], dict[str, msgspec.Raw]] = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_text: Callable[[bytes], str] = msgspec.json.Decoder(str).decode


class Salvager:
    """Most records are read by a struct that takes scalars of any kind, the rest one by one.

    Values of undeclared fields may be of another kind than asked for.
    """

    def __init__(
        self, schema: EventSchema, kinds: Mapping[str, Kind], types: Mapping[str, object], time_field: str
    ) -> None:
        """`types` are those of all wanted fields, the time among them if it is one."""
        self._schema = schema
        self._kinds = kinds
        self._time_field = time_field
        loose = {name: TIME_TYPES[None] if name == time_field else SCALAR for name in types}
        self._layout = build_layout(loose)
        self._declared = {
            name: frozenset((NoneType, *PYTHON_TYPES[schema.declared[name]]))
            for name in types
            if name in schema.declared
        }
        self._readers = {name: self._reader(name, type_) for name, type_ in types.items()}

    def read(
        self, payloads: Sequence[bytes | None], rows: Sequence[int], refused: dict[int, str]
    ) -> tuple[list[int], Columns]:
        """Of these rows those that are good, whatever their times, and their values; the others are added to
        `refused`."""
        left: list[int] = []
        for row in rows:
            if reason := outer_refusal(payloads[row], self._schema.max_bytes):
                refused[row] = reason
            else:
                left.append(row)
        texts = cast("list[bytes]", [payloads[row] for row in left])
        found, columns, others = self._at_once(texts, left, refused)
        for at in others:
            record = self._by_hand(texts[at])
            if isinstance(record, str):
                refused[left[at]] = record
            else:
                found.append(left[at])
                for name, column in columns.items():
                    column.append(record[name])
        return found, dict(columns)

    def _at_once(
        self, texts: list[bytes], rows: Sequence[int], refused: dict[int, str]
    ) -> tuple[list[int], dict[str, list[Any]], Sequence[int]]:
        """The good rows, their values, and where in `texts` those are that have to be read by hand."""
        if self._layout is None:
            return [], {name: [] for name in self._readers}, range(len(texts))
        objects, torn, others = decode_all(texts, self._layout)
        refused |= dict.fromkeys([rows[at] for at in torn], "bad_json")
        found = left_out(rows, torn + others)
        columns = self._layout.columns(objects)
        wrong = self._wrong_types(columns)
        refused |= {found[at]: reason for at, reason in wrong.items()}
        return left_out(found, wrong), {name: left_out(column, wrong) for name, column in columns.items()}, others

    def _wrong_types(self, columns: Columns) -> dict[int, str]:
        """Why records are refused for values of declared fields: for the first one each."""
        wrong: dict[int, str] = {}
        for name, types in self._declared.items():
            if not types.issuperset(map(type, columns[name])):
                for at, value in enumerate(columns[name]):
                    if type(value) not in types:
                        wrong.setdefault(at, f"wrong_type: {name}")
        return wrong

    def _by_hand(self, payload: bytes) -> dict[str, Any] | str:
        """The values of a record, or why it is none of the good ones."""
        try:
            record = _decode_object(payload)
        except DECODE_ERRORS:
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
            except DECODE_ERRORS:
                return _MISFIT

        return read


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
    except DECODE_ERRORS:
        return "wrong_type"


def _inner(value: msgspec.Raw | None) -> dict[str, msgspec.Raw]:
    """The object in `value`; empty where there is none."""
    try:
        return {} if value is None else _decode_object(value)
    except ValidationError:
        return {}
