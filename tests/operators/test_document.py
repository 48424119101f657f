"""What is written out: times, ids, values."""

from __future__ import annotations

import pytest

from streamwatchd.operators.document import alarm_id, iso, name_of, plain, window


@pytest.mark.parametrize(
    ("time_ms", "text"),
    [
        (0, "1970-01-01T00:00:00.000Z"),
        (1_767_571_200_001, "2026-01-05T00:00:00.001Z"),
        (-1, "1969-12-31T23:59:59.999Z"),
        (253_402_300_799_999, "9999-12-31T23:59:59.999Z"),
    ],
)
def test_times_are_utc_with_milliseconds(time_ms: int, text: str) -> None:
    """Always three digits, always Z: they sort as text."""
    assert iso(time_ms) == text
    assert window(time_ms, time_ms) == {"start": text, "end": text}


def test_an_id_is_of_rule_key_and_start() -> None:
    """The order of key names does not matter; each of the three does; pagers know alarms by it, so it is for good."""
    one = alarm_id("hot", {"host": "a", "site": "s"}, 5, None)
    assert one == alarm_id("hot", {"site": "s", "host": "a"}, 5, None)
    others = [
        alarm_id("cold", {"host": "a", "site": "s"}, 5, None),
        alarm_id("hot", {"host": "b", "site": "s"}, 5, None),
        alarm_id("hot", {"host": "a", "site": "s"}, 6, None),
        alarm_id("hot", {"host": "a", "site": "s"}, 5, ("topic", 0, 1)),
        alarm_id("hot", {"host": "a", "site": "s"}, 5, ("topic", 0, 2)),
    ]
    assert len({one, *others}) == 6
    assert alarm_id("hot", {"host": "a"}, 0, None) == "70a186862f3c77ec"


@pytest.mark.parametrize(
    ("value", "integral", "shown"), [(3.0, True, "3"), (3.0, False, "3.0"), (None, True, "None"), ("a", True, "a")]
)
def test_counts_are_written_without_a_fraction(value: object, integral: bool, shown: str) -> None:
    """What counts is whole; a sum keeps its point."""
    assert str(plain(value, integral)) == shown


@pytest.mark.parametrize("kind", ["rule", "kpi", "anomaly"])
def test_a_document_says_its_rule(kind: str) -> None:
    """Each kind under a name of its own."""
    assert name_of({kind: "hot", "key": {}}) == "hot"
