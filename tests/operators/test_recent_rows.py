"""The last rows that were judged: bounded, and found by key."""

from __future__ import annotations

import numpy as np

from streamwatchd.batch import Dictionary, Frame, Strings
from streamwatchd.operators.evaluate import VALUE
from streamwatchd.operators.recent_rows import MOST, RecentRows


def frame(*hosts: str, begin: int = 0) -> Frame:
    dictionary = Dictionary()
    column = Strings(dictionary.encode(list(hosts)), dictionary)
    time = np.arange(begin, begin + len(hosts), dtype=np.int64)
    return Frame(time, {"host": column, VALUE + "v": np.zeros(len(hosts))})


def last(recent: RecentRows, host: str, number: int = 0) -> int | None:
    found = recent.last(number, {"host": host}, lambda rows: [rows.columns["host"]])
    assert found is None or VALUE + "v" not in found.columns
    return None if found is None else int(found.time[0])


def test_the_last_row_of_a_key_is_found_in_the_newest_batch_that_has_it() -> None:
    """Of those that the member judged."""
    recent = RecentRows()
    recent.note(frame("a", "b", "a"), None, None)
    recent.note(frame("b", "c", "b", begin=10), np.array([0, 1, 1]), np.array([True, True, False]))
    assert [last(recent, host) for host in "abcd"] == [2, 10, None, None]
    assert [last(recent, host, 1) for host in "bc"] == [None, 11]


def test_what_is_kept_is_bounded() -> None:
    """By rows and by batches; the newest batch is kept whole where it is shared, else its newest rows."""
    recent = RecentRows()
    recent.note(frame("old"), None, None)
    for n in range(20):
        recent.note(frame(f"h{n}", begin=n), None, None)
    assert [last(recent, host) for host in ("old", "h3", "h4", "h19")] == [None, None, 4, 19]
    many = frame(*["first"], *["x"] * MOST)
    recent.note(many, None, None)
    assert [last(recent, host) for host in ("h19", "first", "x")] == [None, 0, MOST]
    recent.note(many, np.zeros(len(many), np.intp), np.ones(len(many), bool))
    assert [last(recent, host) for host in ("first", "x")] == [None, MOST]
