"""Since when keys are known, and when they are forgotten."""

from __future__ import annotations

import numpy as np
import pytest

from streamwatchd.operators.known import UNKNOWN, Known
from streamwatchd.operators.panes import Pane


def pane(*times: int | None) -> Pane:
    """One event a key, at the time given."""
    known = [time is not None for time in times]
    first = np.array([2**62 if time is None else time for time in times])
    last = np.array([-(2**62) if time is None else time for time in times])
    return Pane(np.array(known, np.int64), first, last)


def note(known: Known, *times: int | None) -> None:
    made = pane(*times)
    known.note(np.flatnonzero(made.count), made, len(times))


@pytest.mark.parametrize(
    ("at", "since", "forgotten"),
    [(5, UNKNOWN, False), (6, 5, False), (105, 5, False), (106, UNKNOWN, True)],
)
def test_a_key_is_known_from_its_first_event_until_it_is_forgotten(at: int, since: int, forgotten: bool) -> None:
    """At T the events before T count; it is forgotten with no event in [T − forget, T)."""
    known = Known(forget_ms=100, every_ms=1)
    note(known, 5, None)
    found, gone = known.at(at, 2)
    assert (found.tolist(), gone.tolist()) == ([since, UNKNOWN], [forgotten, False])


def test_an_event_after_forgetting_makes_the_key_known_anew() -> None:
    """Forgetting happens at multiples of `every`, so a return before the next one is no return."""
    for back, since in ((108, 5), (110, 110)):
        known = Known(forget_ms=100, every_ms=10)
        note(known, 5)
        note(known, back)
        assert known.at(back + 1, 1)[0].tolist() == [since]
