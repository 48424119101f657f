"""Numbers in words, and heartbeats."""

from __future__ import annotations

import pytest

from streamwatchd.daemon.selfwatch.document import heartbeat, in_words, record_key
from tests.published import misfits


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (0.0315, "ratio", "3.15%"),
        (17.0, "count", "17"),
        (4.25, "seconds", "4.25 s"),
        (119, "seconds", "119 s"),
        (720, "seconds", "12 min"),
        (9_000, "seconds", "2.5 h"),
        (259_200, "seconds", "3 d"),
    ],
)
def test_values_in_words(value: float, unit: str, words: str) -> None:
    """As messages have them."""
    assert in_words(value, unit) == words


def test_a_heartbeat_is_an_alert_by_form() -> None:
    """So it may go where the alerts go; the id is that of one run of the daemon."""
    first, second = heartbeat("app", 5_000, 1, 6_000, {"workers": 2}), heartbeat("app", 5_000, 2, 7_000, {"workers": 2})
    assert misfits("alert", [first, second]) == []
    assert first["id"] == second["id"] != heartbeat("app", 6_000, 1, 7_000, {})["id"]
    assert record_key(first) == b'["streamwatchd.heartbeat",{"app":"app"}]'
    of_a_host = heartbeat("app", 5_000, 1, 6_000, {}, (0, 2))
    assert misfits("alert", [of_a_host]) == []
    assert record_key(of_a_host) == b'["streamwatchd.heartbeat",{"app":"app","owns":"0,2"}]'
