"""Compact bytes for internal records and snapshots: JSON-like values plus numpy arrays, no pickle."""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

_ARRAY = 1
_TUPLE = 2


def _encode(value: object) -> msgspec.msgpack.Ext:
    if isinstance(value, np.ndarray):
        if value.ndim != 1:
            raise TypeError("only one-dimensional arrays are packed")
        dtype = value.dtype.str.encode()
        return msgspec.msgpack.Ext(_ARRAY, bytes([len(dtype)]) + dtype + np.ascontiguousarray(value).tobytes())
    if isinstance(value, np.generic):
        raise TypeError(f"numpy scalar {value!r} in packed data")
    raise TypeError(f"can't pack {type(value).__name__}")


def _decode(code: int, data: memoryview) -> object:
    if code == _ARRAY:
        size = data[0]
        dtype = np.dtype(bytes(data[1 : 1 + size]).decode())
        return np.frombuffer(bytes(data[1 + size :]), dtype).copy()
    raise ValueError(f"unknown packed type {code}")


_encoder = msgspec.msgpack.Encoder(enc_hook=_encode)
_decoder = msgspec.msgpack.Decoder(ext_hook=_decode)


def pack(value: object) -> bytes:
    """None, bool, int, float, str, bytes, lists, dicts with scalar keys, and 1-d numpy arrays; tuples become lists."""
    return _encoder.encode(value)


def unpack(data: bytes) -> Any:
    """The inverse of `pack`; raises msgspec.DecodeError for torn bytes."""
    return _decoder.decode(data)
