"""One frame of many slices: what is left out, and in which order."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamwatchd.batch import Dictionary, Frame, RawBatch, Strings
from streamwatchd.codecs.event_time import BAD_TIME, MISSING_TIME
from streamwatchd.codecs.json_batch import DOUBTFUL, READ, TORN, Batch, left_out, rows_without

LATEST = 1_000


def _batch(size: int) -> Batch:
    return Batch(RawBatch("t", 0, [b"{}"] * size, range(size), [0] * size))


def _frame(times: list[int], names: Dictionary) -> Frame:
    column = np.array(times, np.int64)
    return Frame(column, {"time": column.astype(np.float64), "text": Strings(column.astype(np.int32), names)})


@given(st.data(), st.lists(st.integers(0, 150), min_size=1, max_size=5))
def test_frames_are_joined_without_rows_whose_times_are_refused(data: st.DataObject, sizes: list[int]) -> None:
    """Few or many of them, at the edges of slices too; the first time is its row's number, so that all shows."""
    count = sum(sizes)
    out = (
        data.draw(st.sets(st.integers(0, count - 1), max_size=data.draw(st.sampled_from([3, count])))) if count else ()
    )
    times = [LATEST + 1 + row if row in out else row for row in range(count)]
    batch, names, begin = _batch(count), Dictionary(), 0
    for size in sizes:
        batch.usual.append(_frame(times[begin : begin + size], names))
        begin += size
    frame = batch.frame(LATEST)
    kept = [row for row in range(count) if row not in out]
    assert frame.position is not None
    text = frame.columns["text"]
    assert isinstance(text, Strings)
    assert text.dictionary is names
    found = [frame.position, frame.time, frame.columns["time"], text.codes]
    assert [column.tolist() for column in found] == [kept] * 4  # type: ignore[union-attr]
    assert batch.refused == dict.fromkeys(out, "future_time")


def test_salvaged_rows_come_in_where_they_were() -> None:
    """In the order of the log; torn ones leave a gap."""
    batch, names = _batch(6), Dictionary()
    batch.mark(DOUBTFUL, 2, [0, 3])
    batch.mark(TORN, 0, [1])
    batch.usual.append(_frame([0, 3, 4], names))
    assert batch.doubtful == 2
    assert batch.take_doubtful() == [2, 5]
    assert (batch.doubtful, batch.rows(READ).tolist(), batch.rows(TORN).tolist()) == (0, [2, 5], [1])
    batch.salvaged.append(_frame([2, 5], names))
    batch.salvaged_rows.append(np.array([2, 5]))
    frame = batch.frame(LATEST)
    assert frame.position is not None
    assert frame.position.tolist() == frame.time.tolist() == [0, 2, 3, 4, 5]


@pytest.mark.parametrize(
    ("time", "reason"), [(BAD_TIME, "bad_time"), (MISSING_TIME, "missing_time"), (LATEST + 1, "future_time")]
)
def test_times_are_refused_by_reason(time: int, reason: str) -> None:
    """The latest that is allowed is still a time."""
    batch = _batch(2)
    batch.usual.append(_frame([LATEST, 0], Dictionary()))
    batch.usual[0].time[1] = time
    assert batch.frame(LATEST).time.tolist() == [LATEST]
    assert batch.refused == {1: reason}


def test_only_good_rows_count_as_unfit() -> None:
    """A row that is refused for another reason is none of them."""
    batch = _batch(3)
    batch.misfits = {"cpu": {0, 1}, "host": {1}}
    batch.refused = {1: "bad_time"}
    assert batch.unfit() == {"cpu": 1}


def test_leaving_out() -> None:
    """In whatever order the rows are named."""
    assert left_out("abcde", [3, 0]) == ["b", "c", "e"]
    assert rows_without(10, 15, [3, 0]).tolist() == [11, 12, 14]
    assert rows_without(10, 12, []).tolist() == [10, 11]
