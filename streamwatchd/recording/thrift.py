"""Thrift's compact protocol, as far as the footers of Parquet need it.

A struct is its fields by number, each with its type on the wire; what is not understood goes through as it came.
Source: https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
"""

from __future__ import annotations

from dataclasses import dataclass

TRUE, FALSE, BYTE, I16, I32, I64, DOUBLE, BINARY, LIST, SET, MAP, STRUCT = range(1, 13)
_INTEGERS = (I16, I32, I64)
_LONG_LIST = 15
_FAR_FIELD = 15


@dataclass(slots=True)
class Items:
    """A list: all items are of one type."""

    kind: int
    values: list[Value]


@dataclass(slots=True)
class Field:
    kind: int
    value: Value


Struct = dict[int, Field]
Value = bool | int | bytes | Items | Struct


def read_struct(data: bytes) -> Struct:
    """Raises ValueError for what is no struct."""
    try:
        return _Reader(data).struct()
    except IndexError:
        raise ValueError("the struct is cut off") from None


def struct_bytes(struct: Struct) -> bytes:
    out = bytearray()
    _write_struct(out, struct)
    return bytes(out)


class _Reader:
    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    def struct(self) -> Struct:
        fields: Struct = {}
        number = 0
        while head := self._byte():
            step, kind = head >> 4, head & 15
            number = number + step if step else self._integer()
            fields[number] = Field(kind, kind == TRUE if kind in (TRUE, FALSE) else self._value(kind))
        return fields

    def _value(self, kind: int) -> Value:
        if kind in _INTEGERS:
            return self._integer()
        match kind:
            case 1 | 2 | 3:  # within a list a truth is a byte
                return self._byte()
            case 7:
                return self._take(8)
            case 8:
                return self._take(self._varint())
            case 9 | 10:
                return self._items()
            case 12:
                return self.struct()
        raise ValueError(f"type {kind} does not occur in Parquet")

    def _items(self) -> Items:
        head = self._byte()
        count, kind = head >> 4, head & 15
        count = self._varint() if count == _LONG_LIST else count
        return Items(kind, [self._value(kind) for _ in range(count)])

    def _integer(self) -> int:
        number = self._varint()
        return (number >> 1) ^ -(number & 1)

    def _varint(self) -> int:
        number = shift = 0
        while (byte := self._byte()) & 0x80:
            number |= (byte & 0x7F) << shift
            shift += 7
        return number | byte << shift

    def _byte(self) -> int:
        self._at += 1
        return self._data[self._at - 1]

    def _take(self, count: int) -> bytes:
        self._at += count
        return self._data[self._at - count : self._at]


def _write_struct(out: bytearray, struct: Struct) -> None:
    last = 0
    for number, field in sorted(struct.items()):
        kind = (TRUE if field.value else FALSE) if field.kind in (TRUE, FALSE) else field.kind
        if 0 < number - last <= _FAR_FIELD:
            out.append((number - last) << 4 | kind)
        else:
            out.append(kind)
            _write_integer(out, number)
        last = number
        if kind not in (TRUE, FALSE):
            _write_value(out, kind, field.value)
    out.append(0)


def _write_value(out: bytearray, kind: int, value: Value) -> None:
    match value:
        case Items():
            _write_items(out, value)
        case dict():
            _write_struct(out, value)
        case bytes():
            if kind == BINARY:
                _write_varint(out, len(value))
            out += value
        case _ if kind in _INTEGERS:
            _write_integer(out, value)
        case _:
            out.append(value)


def _write_items(out: bytearray, items: Items) -> None:
    count = len(items.values)
    out.append(min(count, _LONG_LIST) << 4 | items.kind)
    if count >= _LONG_LIST:
        _write_varint(out, count)
    for value in items.values:
        _write_value(out, items.kind, value)


def _write_integer(out: bytearray, number: int) -> None:
    _write_varint(out, number << 1 if number >= 0 else ~(number << 1))


def _write_varint(out: bytearray, number: int) -> None:
    while number > 0x7F:
        out.append(number & 0x7F | 0x80)
        number >>= 7
    out.append(number)
