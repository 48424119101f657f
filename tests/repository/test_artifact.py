"""Arrays in, arrays out; everything else is refused."""

from __future__ import annotations

import json

import numpy as np
import pytest
from safetensors.numpy import save

from streamwatchd.errors import ModelRejected
from streamwatchd.repository.artifact import array_of, decode_arrays, encode_arrays


def header(text: object) -> bytes:
    data = json.dumps(text).encode()
    return len(data).to_bytes(8, "little") + data


def test_equal_arrays_give_equal_bytes() -> None:
    arrays = {"b": np.arange(3, dtype=np.int32), "a": np.array([[0.5], [1.5]])}
    data = encode_arrays(arrays)
    assert data == encode_arrays(dict(reversed(arrays.items())))
    found = decode_arrays(data)
    assert {name: array.tolist() for name, array in found.items()} == {"a": [[0.5], [1.5]], "b": [0, 1, 2]}


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\x80\x04\x95pickle",
        (2**62).to_bytes(8, "little") + b"{}",
        header({"a": {"dtype": "F64", "shape": [2**40], "data_offsets": [0, 2**43]}}),
        header({"a": {"dtype": "F64", "shape": [1], "data_offsets": [0, 16]}}) + b"\0" * 16,
        header({"a": {"dtype": "X9", "shape": [1], "data_offsets": [0, 8]}}) + b"\0" * 8,
        header({"a": {"dtype": "F64", "shape": [-1], "data_offsets": [0, 8]}}) + b"\0" * 8,
        header([1]),
        save({"a": np.array([np.nan])}),
        save({"a": np.array([-np.inf])}),
    ],
)
def test_what_is_not_arrays_of_numbers_is_refused(data: bytes) -> None:
    with pytest.raises(ModelRejected):
        decode_arrays(data)


@pytest.mark.parametrize("cut", range(0, 120, 7))
def test_a_torn_file_is_refused(cut: int) -> None:
    data = encode_arrays({"a": np.arange(9.0), "b": np.arange(4, dtype=np.int16)})
    with pytest.raises(ModelRejected):
        decode_arrays(data[: len(data) - 1 - cut])


def test_shapes_are_asked_for() -> None:
    arrays = {"a": np.zeros((2, 3))}
    assert array_of(arrays, "a", "f", (None, 3)).shape == (2, 3)
    with pytest.raises(ModelRejected, match=r"`a` is float64\[2, 3\], not of shape \[n, 4\]"):
        array_of(arrays, "a", "f", (None, 4))
