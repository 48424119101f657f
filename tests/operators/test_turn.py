"""In which order nodes judge."""

from __future__ import annotations

from streamwatchd.operators.asking import BEGINNING
from streamwatchd.operators.turn import NO_TURN, at_pace, turn_of


def test_at_a_pace_comes_after_what_is_due_at_the_next_multiple() -> None:
    """And there in order of what is judged; what is not due comes last."""
    turns = [NO_TURN, turn_of(9, 0), turn_of(8, 4), turn_of(7, 4), turn_of(8, 0), turn_of(4, 4), turn_of(None, 4)]
    assert sorted(turns) == [(4, True, 4), (8, False, 8), (8, True, 7), (8, True, 8), (9, False, 9), NO_TURN, NO_TURN]


def test_what_goes_on_at_a_pace_has_come_up_to_a_multiple() -> None:
    """Of 0 it goes on by every ms, and nothing has come before the first watermark."""
    assert [at_pace(limit, 4) for limit in (7, 8, BEGINNING)] == [4, 8, BEGINNING]
    assert at_pace(7, 0) == 7
