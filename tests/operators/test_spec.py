"""The physical plan's small arithmetic."""

from __future__ import annotations

import pickle

import pytest

from streamwatchd.lang.typed import NUMBER, Field
from streamwatchd.operators.spec import Accumulation, Window


@pytest.mark.parametrize(
    ("window", "judged", "end"),
    [
        (Window(60, 10, 0, 10), 100, 100),
        (Window(60, 10, 0, 10), 105, 100),
        (Window(600, 50, 0, 10), 149, 100),
        (Window(60, 50, 30, 10), 149, 100),
        (Window(60, 10, 300, 10), 100, -200),
    ],
)
def test_a_window_ends_at_its_last_step(window: Window, judged: int, end: int) -> None:
    """Shifted back first, then down to a multiple of the step."""
    assert window.end(judged) == end


def test_accumulations_are_equal_by_meaning() -> None:
    """In any process: partials and snapshots name them by tag."""
    one = Accumulation("sum", "value", Field("x", NUMBER), None)
    two = pickle.loads(pickle.dumps(Accumulation("sum", "value", Field("x", NUMBER), None)))
    other = Accumulation("sum", "value", Field("y", NUMBER), None)
    assert (one == two, hash(one) == hash(two), one.tag == two.tag) == (True, True, True)
    assert one != other
    assert one.tag != other.tag
