"""Rows in order of (event time, values), and frames as bytes and back."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from streamwatchd.batch import Column, Dictionary, Frame, Strings
from streamwatchd.lang.typed import Expr
from streamwatchd.operators.evaluate import Evaluator


def time_order(frame: Frame, tie_breakers: Sequence[Expr], evaluator: Evaluator) -> npt.NDArray[np.intp]:
    """Row numbers sorted by time; ties by the values of `tie_breakers` in turn, null first."""
    if len(frame) < 2:
        return np.arange(len(frame))
    keys: list[npt.NDArray[Any]] = []
    if len(np.unique(frame.time)) < len(frame):
        keys = [_rank(evaluator.column(expr, frame)) for expr in reversed(tie_breakers)]
    return np.lexsort((*keys, frame.time))


def _rank(column: Column) -> npt.NDArray[Any]:
    if isinstance(column, Strings):
        used = np.unique(column.codes[column.codes >= 0]).tolist()
        lut = np.full(len(column.dictionary.names) + 1, -1, np.int64)
        for rank, code in enumerate(sorted(used, key=lambda code: column.dictionary.names[code])):
            lut[code] = rank
        return lut[column.codes]
    if column.dtype == np.int8:
        return np.where(column == 1, -1, column)
    return np.where(np.isnan(column), -np.inf, column)


def concatenate(frames: Sequence[Frame]) -> Frame:
    """Frames of one stream as one, in the order given."""
    if len(frames) == 1:
        return frames[0]
    names = frames[0].columns.keys()
    columns = {name: _join([frame.columns[name] for frame in frames]) for name in names}
    positions = [frame.position for frame in frames]
    known = [p for p in positions if p is not None]
    position = np.concatenate(known) if len(known) == len(positions) else None
    return Frame(np.concatenate([frame.time for frame in frames]), columns, position)


def _join(columns: Sequence[Column]) -> Column:
    if not isinstance(columns[0], Strings):
        return np.concatenate(columns)  # type: ignore[arg-type]
    parts = [column for column in columns if isinstance(column, Strings)]
    dictionary = parts[0].dictionary
    if all(part.dictionary is dictionary for part in parts):
        return Strings(np.concatenate([part.codes for part in parts]), dictionary)
    merged = Dictionary(dictionary.names)
    codes = [part.codes if part.dictionary is dictionary else _recode(part, merged) for part in parts]
    return Strings(np.concatenate(codes), merged)


def _recode(column: Strings, into: Dictionary) -> npt.NDArray[np.int32]:
    used = np.unique(column.codes)
    lut = np.full(len(column.dictionary.names) + 1, -1, np.int32)
    for code in used[used >= 0].tolist():
        lut[code] = into[column.dictionary.names[code]]
    return lut[column.codes]


def pack_frame(frame: Frame) -> list[Any]:
    """Times and columns as packable values; strings with the entries that they use."""
    return [frame.time, {name: _pack(column) for name, column in frame.columns.items()}]


def _pack(column: Column) -> Any:
    if not isinstance(column, Strings):
        return column
    used, inverse = np.unique(column.codes, return_inverse=True)
    names = [column.dictionary.names[code] if code >= 0 else None for code in used.tolist()]
    return [names, inverse.astype(np.int32)]


def unpack_frame(packed: Any) -> Frame:
    """The inverse of `pack_frame`."""
    time, columns = packed
    return Frame(time, {name: _unpack(column) for name, column in columns.items()})


def _unpack(packed: Any) -> Column:
    if isinstance(packed, np.ndarray):
        return packed
    names, codes = packed
    dictionary = Dictionary()
    lut = np.array([dictionary[name] for name in names], np.int32)
    return Strings(lut[codes] if len(codes) else codes, dictionary)
