"""Event times: what a time field holds → whole milliseconds since the Unix epoch, rounded down.

Accepted are ISO-8601 texts in the extended form (`2026-01-05T06:07[:08[.123456789]]` with `T`, `t` or a blank between,
and `Z`, `+01:00`, `+0100`, `+01` or nothing, which means UTC) and numbers, in a stated unit or in the one that their
size gives: below 5e9 seconds, 5e12 milliseconds, 5e15 microseconds, else nanoseconds. A fraction of a number is read to
the nearest microsecond first (a double holds no more at today's dates), so `1722500000.123` is .123 and not .122.
A second of 60 is the first of the next minute, as in POSIX time. Years 1 to 9999.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import chain
from typing import cast

import numpy as np
import numpy.typing as npt

from streamwatchd.batch import Rows, Times

BAD_TIME = np.int64(np.iinfo(np.int64).min)
MISSING_TIME = np.int64(BAD_TIME + 1)
_UNREADABLE = MISSING_TIME  # at or below: no time

_FIRST_MS, _LAST_MS = -62_135_596_800_000, 253_402_300_799_999
_MICROS = {"s": 1e6, "ms": 1e3, "us": 1.0, "ns": 1e-3}
_LONGEST_ISO, _SHORTEST_ISO = 35, 16
_SHAPE = re.compile(rb"0000-00-00T00:00(:00(\.0{1,9})?)?(Z|[+-]00(:?00)?)?")
_TO_SHAPE = bytes.maketrans(b"123456789t ,z", b"000000000TT.Z")

Bytes = npt.NDArray[np.uint8]
Ints = npt.NDArray[np.int64]
TimeValue = int | float | str | None


def unreadable(times: Times) -> npt.NDArray[np.bool_]:
    """Where `parse_times` gave `BAD_TIME` or `MISSING_TIME`."""
    return np.asarray(times <= _UNREADABLE)


def parse_times(values: Sequence[TimeValue], unit: str = "") -> Times:
    """int64 ms a value; `MISSING_TIME` for None, `BAD_TIME` for what is no time between the years 1 and 9999."""
    kinds = list(map(type, values))
    distinct = set(kinds)
    if len(distinct) == 1:
        return _parse_kind(kinds[0], values, unit)
    return _parse_mixed(values, kinds, distinct, unit)


def _parse_mixed(values: Sequence[TimeValue], kinds: list[type], distinct: set[type], unit: str) -> Times:
    """The most frequent kind as if all were of it, then the others: a few odd ones among many cost little."""
    usual = max(distinct, key=kinds.count, default=int)
    odd = {kind: _rows_of(kinds, kind) for kind in distinct - {usual}}
    filled = list(values)
    for row in chain.from_iterable(odd.values()):
        filled[row] = values[kinds.index(usual)]
    times = _parse_kind(usual, filled, unit)
    for kind, rows in odd.items():
        times[rows] = _parse_kind(kind, [values[row] for row in rows], unit)
    return times


def _rows_of(kinds: list[type], kind: type) -> list[int]:
    """Found at the pace of `list.index`, not of a loop."""
    rows, at = [], -1
    for _ in range(kinds.count(kind)):
        at = kinds.index(kind, at + 1)
        rows.append(at)
    return rows


def _parse_kind(kind: type, values: Sequence[TimeValue], unit: str) -> Times:
    if kind is int:
        times = _from_ints(cast(Sequence[int], values), unit)
    elif kind is float:
        times = _from_floats(np.array(values, np.float64), unit)
    elif kind is str:
        times = _from_texts(cast(Sequence[str], values))
    else:
        return np.full(len(values), MISSING_TIME if kind is type(None) else BAD_TIME, np.int64)
    times[(times < _FIRST_MS) | (times > _LAST_MS)] = BAD_TIME
    return times


def _from_ints(values: Sequence[int], unit: str) -> Times:
    try:
        ints = np.array(values, np.int64)
    except OverflowError:
        fits = np.array([abs(value) < 2**63 for value in values])
        kept = [value if fit else 0 for value, fit in zip(values, fits.tolist())]
        return np.where(fits, _from_ints(kept, unit), BAD_TIME)
    ints = np.maximum(ints, -(2**63 - 1))  # the least integer has no absolute value
    match unit:
        case "s":
            return np.where(np.abs(ints) <= _LAST_MS // 1000 + 1, ints, BAD_TIME // 1000) * 1000
        case "ms":
            return ints
        case "us":
            return ints // 1_000
        case "ns":
            return ints // 1_000_000
        case _:
            return _from_ints_by_size(ints)


def _from_ints_by_size(ints: Ints) -> Times:
    size = np.abs(ints)
    by_size = [size < 5_000_000_000, size < 5_000_000_000_000, size < 5_000_000_000_000_000]
    if by_size[1].all() and not by_size[0].any():
        return ints
    scaled = [np.where(by_size[0], ints, 0) * 1_000, ints, ints // 1_000]
    return np.select(by_size, scaled, ints // 1_000_000)


def _from_floats(values: npt.NDArray[np.float64], unit: str) -> Times:
    if unit:
        micros = values * _MICROS[unit]
    else:
        size = np.abs(values)
        scales = [_MICROS[name] for name in ("s", "ms", "us")]
        micros = values * np.select([size < 5e9, size < 5e12, size < 5e15], scales, _MICROS["ns"])
    fits = np.abs(micros) < 1e18
    ms = np.rint(np.where(fits, micros, 0)).astype(np.int64) // 1_000
    return np.where(fits, ms, BAD_TIME)


def _from_texts(texts: Sequence[str]) -> Times:
    lengths = np.fromiter(map(len, texts), np.int64, len(texts))
    times = np.full(len(texts), BAD_TIME, np.int64)
    if lengths.max() < _SHORTEST_ISO:
        return times
    for length in np.unique(lengths).tolist():
        if not _SHORTEST_ISO <= length <= _LONGEST_ISO:
            continue
        rows = np.flatnonzero(lengths == length)
        chosen = texts if len(rows) == len(texts) else [texts[row] for row in rows.tolist()]
        times[rows] = _from_equal_lengths("".join(chosen).encode("ascii", "replace"), length)
    return times


def _from_equal_lengths(joined: bytes, length: int) -> Times:
    """Texts of one length, end to end: group them by shape (digits as 0), then read each shape column by column."""
    texts = np.frombuffer(joined, np.uint8).reshape(-1, length)
    shapes = np.frombuffer(joined.translate(_TO_SHAPE), np.uint8).reshape(-1, length)
    times = np.full(len(texts), BAD_TIME, np.int64)
    for shape, rows in _groups(shapes):
        if _SHAPE.fullmatch(shape):
            times[rows] = _from_shape(texts[rows], shape)
    return times


def _groups(shapes: Bytes) -> list[tuple[bytes, Rows]]:
    if (shapes == shapes[0]).all():
        return [(shapes[0].tobytes(), np.arange(len(shapes)))]
    whole = np.ascontiguousarray(shapes).view(f"V{shapes.shape[1]}").ravel()
    distinct, group = np.unique(whole, return_inverse=True)
    return [(value.tobytes(), np.flatnonzero(group == index)) for index, value in enumerate(distinct)]


def _from_shape(texts: Bytes, shape: bytes) -> Times:
    digits = (texts - np.uint8(ord("0"))).astype(np.int64)
    year, month, day = _read(digits, 0, 4), _read(digits, 5, 7), _read(digits, 8, 10)
    hour, minute = _read(digits, 11, 13), _read(digits, 14, 16)
    zero = np.zeros(len(texts), np.int64)
    second, ms, end = zero, zero, 16
    if shape[16:17] == b":":
        second, end = _read(digits, 17, 19), 19
    if shape[end : end + 1] == b".":
        first, end = end + 1, end + 1 + len(re.match(rb"0+", shape[end + 1 :]).group())  # type: ignore[union-attr]
        kept = min(end - first, 3)
        ms = _read(digits, first, first + kept) * 10 ** (3 - kept)
    offset, offset_fits = _offset_minutes(digits, shape, end)
    days, date_fits = _days(year, month, day)
    fits = date_fits & offset_fits & (hour < 24) & (minute < 60) & (second < 61)
    times = ((days * 24 + hour) * 60 + minute - offset) * 60_000 + second * 1_000 + ms
    return np.where(fits, times, BAD_TIME)


def _read(digits: Ints, start: int, end: int) -> Ints:
    number = digits[:, start]
    for column in range(start + 1, end):
        number = number * 10 + digits[:, column]
    return number


def _offset_minutes(digits: Ints, shape: bytes, start: int) -> tuple[Ints, npt.NDArray[np.bool_]]:
    zone = shape[start:]
    if zone in (b"", b"Z"):
        return np.zeros(len(digits), np.int64), np.ones(len(digits), np.bool_)
    hours = _read(digits, start + 1, start + 3)
    end = len(shape)
    minutes = _read(digits, end - 2, end) if len(zone) > 3 else np.zeros(len(digits), np.int64)
    sign = -1 if zone[:1] == b"-" else 1
    return sign * (hours * 60 + minutes), (hours < 24) & (minutes < 60)


def _days(year: Ints, month: Ints, day: Ints) -> tuple[Ints, npt.NDArray[np.bool_]]:
    """Days since 1970-01-01 of the proleptic Gregorian calendar, and where year, month and day exist."""
    fits = (year >= 1) & (month >= 1) & (month <= 12) & (day >= 1)
    months = (year - 1970) * 12 + np.where(fits, month, 1) - 1
    first = months.astype("M8[M]").astype("M8[D]").astype(np.int64)
    after = (months + 1).astype("M8[M]").astype("M8[D]").astype(np.int64)
    return first + day - 1, fits & (first + day <= after)
