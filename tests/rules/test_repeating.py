"""`repeat:` of an alarm."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from streamwatchd.rules import codes
from streamwatchd.rules.loader import Loaded
from tests.rules.test_alarm_building import ON_ROWS, WINDOWED, errors, only

Check = Callable[..., Loaded]


@pytest.mark.parametrize(
    ("text", "repeat"), [("1h", (3_600_000, 3_600_000)), ("30m up to 4h", (1_800_000, 14_400_000))]
)
def test_the_first_wait_and_the_longest(check: Check, text: str, repeat: tuple[int, int]) -> None:
    """Without `up to` all are equal."""
    assert only(check(WINDOWED + f"    repeat: {text}\n")).repeat_ms == repeat
    assert only(check(WINDOWED)).repeat_ms is None


@pytest.mark.parametrize("text", ["often", "4h up to 30m", "0s", "1h up to ever"])
def test_other_words_are_refused(check: Check, text: str) -> None:
    """With an example."""
    assert errors(check(WINDOWED + f"    repeat: {text}\n")) == [codes.BAD_CHOICE]


def test_alarms_on_single_events_are_repeated_too(check: Check) -> None:
    """With the same words."""
    assert only(check(ON_ROWS + "    repeat: 1h\n")).repeat_ms == (3_600_000, 3_600_000)
