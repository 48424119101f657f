"""Rows in order of time and values; frames put together, and as bytes and back."""

from __future__ import annotations

import math

import numpy as np

from streamwatchd import functions
from streamwatchd.batch import Column, Dictionary, Frame, Strings, to_values
from streamwatchd.lang.typed import BOOL, NUMBER, STRING, Expr, Field
from streamwatchd.operators.dimension import Dimensions
from streamwatchd.operators.evaluate import Evaluator
from streamwatchd.operators.ordering import concatenate, pack_frame, time_order, unpack_frame
from streamwatchd.packing import pack, unpack

BY: tuple[Expr, ...] = (Field("host", STRING), Field("x", NUMBER), Field("ok", BOOL))


def frame(*rows: tuple[int, str | None, float | None, bool | None], names: Dictionary | None = None) -> Frame:
    dictionary = Dictionary() if names is None else names
    columns: dict[str, Column] = {
        "host": Strings(dictionary.encode([row[1] for row in rows]), dictionary),
        "x": np.array([math.nan if row[2] is None else row[2] for row in rows]),
        "ok": np.array([1 if row[3] is None else 2 * row[3] for row in rows], np.int8),
    }
    return Frame(np.array([row[0] for row in rows], np.int64), columns)


def rows(found: Frame) -> list[tuple[object, ...]]:
    return list(zip(found.time.tolist(), *(to_values(column) for column in found.columns.values()), strict=True))


def test_ties_in_time_break_by_the_values() -> None:
    """In the order of the names given, null first: any arrival order gives one order."""
    ordered = [
        (1, "z", 9.0, True),
        (2, None, 1.0, True),
        (2, "a", None, True),
        (2, "a", 1.0, None),
        (2, "a", 1.0, False),
        (2, "a", 1.0, True),
        (2, "b", 0.0, False),
        (3, "a", 0.0, False),
    ]
    evaluator = Evaluator(Dimensions({}, {}), functions.evaluators())
    for seed in range(5):
        shuffled = frame(*(ordered[i] for i in np.random.default_rng(seed).permutation(len(ordered))))
        assert rows(shuffled.take(time_order(shuffled, BY, evaluator))) == ordered


def test_frames_of_one_stream_become_one() -> None:
    """In the order given, over one dictionary or several."""
    one, two, three = [(2, "a", 1.0, True)], [(1, "b", None, None), (1, None, 2.0, False)], [(0, "a", 0.0, None)]
    names = Dictionary()
    shared = [frame(*part, names=names) for part in (one, two, three)]
    apart = [frame(*part) for part in (one, two, three)]
    assert rows(concatenate(shared)) == rows(concatenate(apart)) == [*one, *two, *three]


def test_frames_survive_the_way_through_bytes() -> None:
    """With the strings that they use and no others; empty ones too."""
    whole = frame((1, "a", 1.5, True), (2, None, None, None), (3, "ä", -0.0, False))
    assert rows(unpack_frame(unpack(pack(pack_frame(whole))))) == rows(whole)
    part = whole.take(np.array([2]))
    found = unpack_frame(unpack(pack(pack_frame(part))))
    assert rows(found) == rows(part)
    assert found.columns["host"].dictionary.names == ["ä"]  # type: ignore[union-attr]
    empty = whole.take(np.array([], np.intp))
    assert rows(unpack_frame(unpack(pack(pack_frame(empty))))) == []
