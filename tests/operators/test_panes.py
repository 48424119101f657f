"""Panes: however rows are grouped, merged, rolled up, packed and picked, a window is the sum of its rows."""

from __future__ import annotations

import random

import numpy as np
import pytest

from streamwatchd import functions
from streamwatchd.aggregates.exact import to_float
from streamwatchd.batch import Frame, to_values
from streamwatchd.lang.typed import NUMBER, Compare, Field, Literal
from streamwatchd.operators.dimension import Dimensions
from streamwatchd.operators.evaluate import Evaluator
from streamwatchd.operators.panes import COUNT, Feed, PaneTable, pack_pane, unpack_pane
from streamwatchd.operators.spec import Accumulation
from streamwatchd.packing import pack, unpack

X = Field("x", NUMBER)
SUM = Accumulation("sum", "value", X, None)
HIGH = Accumulation("max", "value", X, Compare(">", X, Literal(50.0, NUMBER)))
KEPT = (COUNT, SUM, HIGH)
Row = tuple[int, int, float]
"""Time, key, value."""


def feed(rows: list[Row]) -> Feed:
    frame = Frame(np.array([row[0] for row in rows]), {"x": np.array([row[2] for row in rows])})
    keys = np.array([row[1] for row in rows], np.intp)
    return Feed(frame, None, keys, Evaluator(Dimensions({}, {}), functions.evaluators()))


def table(rows: list[Row], keys: int, width: int = 10, cuts: int = 1) -> PaneTable:
    made = PaneTable(width, KEPT, track_times=True)
    for part in np.array_split(np.arange(len(rows)), cuts):
        made.add(feed([rows[i] for i in part.tolist()]), keys)
    return made


def read(made: PaneTable, start: int, end: int, keys: int) -> list[tuple[int, float, float]]:
    counts = made.counts(start, end, keys).tolist()
    sums = to_float(made.read(SUM, start, end, keys), keys).tolist()
    highs = made.read(HIGH, start, end, keys)
    return list(zip(counts, sums, [float(high) for high in highs], strict=True))


def defined(rows: list[Row], start: int, end: int, keys: int) -> list[tuple[int, float, float]]:
    found = []
    for key in range(keys):
        values = [x for time, k, x in rows if k == key and start <= time < end]
        found.append((len(values), sum(values), max((x for x in values if x > 50), default=-np.inf)))
    return found


def draw(seed: int, keys: int, span: int = 200) -> list[Row]:
    rng = random.Random(seed)
    return [(rng.randrange(span), rng.randrange(keys), rng.randrange(400) / 4) for _ in range(60)]


# few keys give one array of panes × keys, many keys give the pairs that occur
@pytest.mark.parametrize("keys", [1, 3, 50_000])
@pytest.mark.parametrize("cuts", [1, 4, 60])
def test_windows_hold_their_rows(keys: int, cuts: int) -> None:
    """Short ones are merged pane by pane, long ones are differences of totals; batches show nowhere."""
    rows = draw(cuts, keys)
    made = table(rows, keys, cuts=cuts)
    here = sorted({row[1] for row in rows})
    for start, end in ((0, 10), (0, 200), (50, 90), (70, 200), (200, 300)):
        got, wanted = read(made, start, end, keys), defined(rows, start, end, max(here) + 1)
        assert [got[key] for key in here] == [wanted[key] for key in here]


def test_fine_panes_roll_up_into_wide_ones() -> None:
    """The same as rows that enter the wide ones."""
    rows = draw(1, 4)
    fine, wide = table(rows, 4), PaneTable(50, KEPT, track_times=True)
    for index, pane in sorted(fine.panes.items()):
        wide.merge_pane(index * 10 // 50, pane, None, 4)
    assert read(wide, 0, 200, 4) == read(table(rows, 4, width=50), 0, 200, 4) == defined(rows, 0, 200, 4)


def test_partials_of_several_partitions_merge_under_other_numbers() -> None:
    """Each feeder numbers keys in its own way; first and last times are kept."""
    mine, theirs = draw(2, 3, span=10), draw(3, 3, span=10)
    merged = PaneTable(10, KEPT, track_times=True)
    merged.merge_pane(0, table(mine, 3).panes[0], np.array([0, 1, 2]), 5)
    merged.merge_pane(0, table(theirs, 3).panes[0], np.array([4, 2, 0]), 5)
    renamed = mine + [(time, (4, 2, 0)[key], x) for time, key, x in theirs]
    assert read(merged, 0, 10, 5) == defined(renamed, 0, 10, 5)
    pane = merged.panes[0]
    for key in (0, 1, 2, 4):
        times = [row[0] for row in renamed if row[1] == key]
        assert (pane.first[key], pane.last[key]) == (min(times), max(times))


def test_panes_survive_the_way_through_bytes() -> None:
    """Accumulations that the reader no longer knows are left out."""
    made = table(draw(4, 3, span=10), 3)
    packed = unpack(pack(pack_pane(made.panes[0])))
    again = PaneTable(10, KEPT, track_times=True)
    again.panes[0] = unpack_pane(packed, KEPT, 3)
    assert read(again, 0, 10, 3) == read(made, 0, 10, 3)
    assert set(unpack_pane(packed, (SUM,), 3).states) == {SUM}


def test_some_keys_may_be_read_alone() -> None:
    """Judging a few keys costs nothing for the others."""
    rows = draw(5, 6)
    made, chosen = table(rows, 6), np.array([4, 1])
    for start, end in ((0, 30), (0, 200)):
        alone = to_float(made.read(SUM, start, end, 6, chosen), 2)
        assert to_values(alone) == [defined(rows, start, end, 6)[key][1] for key in (4, 1)]


def test_old_panes_go_and_the_rest_stays_right() -> None:
    """Windows within the retention give what they gave."""
    rows = draw(6, 3)
    made = table(rows, 3)
    read(made, 0, 200, 3)
    made.drop_before(90)
    assert min(made.panes) >= 9
    assert read(made, 100, 200, 3) == defined(rows, 100, 200, 3)
