"""The file of a model: named arrays of numbers in the safetensors format, which can hold nothing else.

Format: https://huggingface.co/docs/safetensors (a JSON header of names, types, shapes and places, then raw bytes).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
from safetensors import SafetensorError
from safetensors.numpy import load, save

from streamwatchd.errors import ModelRejected

_KINDS = "biuf"
MOST_ARRAYS = 1_000


def encode_arrays(arrays: Mapping[str, npt.NDArray[Any]]) -> bytes:
    """Equal arrays give equal bytes."""
    return save({name: np.ascontiguousarray(arrays[name]) for name in sorted(arrays)})


def decode_arrays(data: bytes) -> dict[str, npt.NDArray[Any]]:
    """Raises ModelRejected for bytes that are not arrays, and for arrays with a number that is not finite."""
    try:
        arrays = load(data)
    except (SafetensorError, ValueError, TypeError, KeyError, OverflowError, MemoryError) as error:
        raise ModelRejected(f"the artifact is not a safetensors file: {error}") from error
    if len(arrays) > MOST_ARRAYS:
        raise ModelRejected(f"the artifact has {len(arrays)} arrays, {MOST_ARRAYS} are allowed")
    for name, array in arrays.items():
        if array.dtype.kind not in _KINDS:
            raise ModelRejected(f"array `{name}` has the type {array.dtype}")
        if array.dtype.kind == "f" and not np.isfinite(array).all():
            raise ModelRejected(f"array `{name}` has a number that is NaN or infinite")
    return arrays


def array_of(
    arrays: Mapping[str, npt.NDArray[Any]], name: str, kinds: str, shape: tuple[int | None, ...]
) -> npt.NDArray[Any]:
    """The array, of one of the numpy kinds and of the shape (None: any length). Raises ModelRejected."""
    if name not in arrays:
        raise ModelRejected(f"array `{name}` is missing")
    array = arrays[name]
    fits = len(array.shape) == len(shape) and all(want in (None, has) for want, has in zip(shape, array.shape))
    if array.dtype.kind not in kinds or not fits:
        wanted = ", ".join("n" if length is None else str(length) for length in shape)
        raise ModelRejected(f"array `{name}` is {array.dtype}{list(array.shape)}, not of shape [{wanted}]")
    return array
