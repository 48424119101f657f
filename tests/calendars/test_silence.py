"""A silence holds from its first instant up to its last, and in its calendar."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from streamwatchd.calendars.calendar import Calendar, Stretch
from streamwatchd.calendars.silence import Silence

HOUR = Calendar("works", (Stretch(datetime.fromisoformat("1970-01-01T00:00:10"), timedelta(seconds=10)),))


@pytest.mark.parametrize(
    ("silence", "holds"),
    [
        (Silence("s", None, 5_000, 12_000), [5_000, 11_999]),
        (Silence("s", None, until_ms=12_000), [0, 5_000, 11_999]),
        (Silence("s", None, calendar=HOUR), [11_999, 12_000, 19_999]),
        (Silence("s", None, 12_000, 15_000, HOUR), [12_000]),
    ],
)
def test_it_holds_in_a_half_open_stretch(silence: Silence, holds: list[int]) -> None:
    """The end is no part of it."""
    assert [t for t in (0, 5_000, 11_999, 12_000, 19_999, 20_000) if silence.holds(t)] == holds
