"""Compact bytes for internal records and snapshots: JSON-like values plus numpy arrays, no pickle."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Sequence
from hashlib import sha256
from typing import Any, TypeVar

import msgspec
import numpy as np

from streamwatchd.errors import SnapshotCorrupt

T = TypeVar("T")
_HEAD_BYTES = 10
_WEIGHED = 100
_ARRAY = 1
_APART = 2
_DTYPE = re.compile(r"[<|][biufU][0-9]{1,6}")
"""What arrays may consist of: numbers, truths and text, never objects."""


class Frozen:
    """A packable value that nobody changes any more: made and packed when its bytes are wanted, by whatever thread.

    With `apart` its bytes stand beside those of the tree it is in (`pack_apart`), so that whoever stores them need not
    store them again: `place` is where they are, for the store that put them there.
    """

    __slots__ = ("_make", "apart", "place")

    def __init__(self, make: Callable[[], object], *, apart: bool = True, place: object = None) -> None:
        self._make = make
        self.apart = apart
        self.place = place

    @property
    def value(self) -> Any:
        return self._make()


def thawed(value: Any) -> Any:
    """What a tree holds at one place, frozen or not."""
    return value.value if isinstance(value, Frozen) else value


def _encode(value: object) -> object:
    if isinstance(value, np.ndarray):
        if value.ndim != 1:
            raise TypeError("only one-dimensional arrays are packed")
        dtype = value.dtype.str.encode()
        raw = np.ascontiguousarray(value).view(np.uint8).data
        return msgspec.msgpack.Ext(_ARRAY, b"".join((bytes([len(dtype)]), dtype, raw)))
    if isinstance(value, Frozen):
        return value.value
    if isinstance(value, np.generic):
        raise TypeError(f"numpy scalar {value!r} in packed data")
    raise TypeError(f"can't pack {type(value).__name__}")


def _decode(code: int, data: memoryview) -> object:
    if code != _ARRAY:
        raise ValueError(f"unknown packed type {code}")
    size = data[0]
    name = bytes(data[1 : 1 + size]).decode()
    if not _DTYPE.fullmatch(name):
        raise ValueError(f"arrays of {name!r} are not packed")
    return np.frombuffer(data, np.dtype(name), offset=1 + size).copy()


_encoder = msgspec.msgpack.Encoder(enc_hook=_encode)
_decoder = msgspec.msgpack.Decoder(ext_hook=_decode)


def pack(value: object) -> bytes:
    """None, bool, int, float, str, bytes, lists, dicts with scalar keys, and 1-d numpy arrays; tuples become lists.

    What is `Frozen` is packed in its place.
    """
    return _encoder.encode(value)


def weight(value: object) -> int:
    """About how many bytes it takes packed: of many items some are weighed."""
    if isinstance(value, np.ndarray):
        return value.nbytes + _HEAD_BYTES
    if isinstance(value, str | bytes):
        return len(value) + 2
    if isinstance(value, dict):
        return _weight_of(list(value)) + _weight_of(list(value.values()))
    if isinstance(value, list | tuple):
        return _weight_of(value)
    if isinstance(value, Frozen):
        return weight(value.value)
    return 1 if value is None or isinstance(value, bool) else 9 if isinstance(value, float) else 5


def _weight_of(items: Sequence[object]) -> int:
    some = items[:: max(1, len(items) // _WEIGHED)]
    return round(sum(map(weight, some)) * len(items) / max(1, len(some)))


def unpack(data: bytes | memoryview) -> Any:
    """The inverse of `pack`; raises msgspec.DecodeError for bytes that are torn or anything else."""
    return _decoded(_decoder, data)


_SEAL = struct.Struct("<8sI32s")


def seal(kind: bytes, version: int, data: bytes) -> bytes:
    """The bytes of a file that is believed only as a whole: kind (8 bytes), format number, SHA-256, content."""
    digest = sha256(kind + version.to_bytes(4, "little") + data).digest()
    return _SEAL.pack(kind, version, digest) + data


def unseal(kind: bytes, version: int, file: bytes) -> bytes:
    """The inverse; raises SnapshotCorrupt unless every byte is as it was written, in this format."""
    if len(file) < _SEAL.size:
        raise SnapshotCorrupt("torn: shorter than its header")
    its_kind, its_version, digest = _SEAL.unpack_from(file)
    if its_kind != kind:
        raise SnapshotCorrupt("a file of another kind")
    if its_version != version:
        raise SnapshotCorrupt(f"format {its_version}; this version reads {version}")
    data = file[_SEAL.size :]
    if sha256(kind + version.to_bytes(4, "little") + data).digest() != digest:
        raise SnapshotCorrupt("torn or spoilt: the checksum does not fit")
    return data


def rows_of(kind: bytes, version: int, file: bytes | None, type: type[dict[str, T]]) -> dict[str, T]:
    """Of a sealed JSON file that can be done without: none where it is not there, or spoilt."""
    try:
        return {} if file is None else msgspec.json.decode(unseal(kind, version, file), type=type)
    except (SnapshotCorrupt, msgspec.DecodeError):
        return {}


def pack_apart(value: object) -> tuple[bytes, list[Frozen]]:
    """The bytes of a tree, and what is frozen in it: they refer to it by its number in the list."""
    parts: list[Frozen] = []

    def encode(each: object) -> object:
        if isinstance(each, Frozen) and each.apart:
            parts.append(each)
            return msgspec.msgpack.Ext(_APART, (len(parts) - 1).to_bytes(4, "little"))
        return _encode(each)

    return msgspec.msgpack.Encoder(enc_hook=encode).encode(value), parts


def unpack_apart(data: bytes | memoryview, parts: Sequence[Frozen]) -> Any:
    """The inverse of `pack_apart`; what was packed apart is `Frozen` in the tree. Raises msgspec.DecodeError."""

    def decode(code: int, raw: memoryview) -> object:
        if code == _APART:
            return parts[int.from_bytes(raw, "little")]
        return _decode(code, raw)

    return _decoded(msgspec.msgpack.Decoder(ext_hook=decode), data)


def _decoded(decoder: msgspec.msgpack.Decoder[Any], data: bytes | memoryview) -> Any:
    try:
        return decoder.decode(data)
    except (ValueError, TypeError, IndexError, RecursionError, MemoryError) as error:
        raise msgspec.DecodeError(str(error)) from error
