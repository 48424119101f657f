"""Units, quantities and durations."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamwatchd.lang import units


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("%", "percent"),
        ("percent", "percent"),
        ("ratio", "ratio"),
        ("milliseconds", "ms"),
        ("min", "m"),
        ("B", "bytes"),
        ("octets", "bytes"),
        ("KB", "kB"),
        ("MiB", "MiB"),
        ("Mbps", "Mbit/s"),
        ("bytes/s", "bytes/s"),
        ("MiB/sec", "MiB/s"),
        ("/s", "/s"),
        ("percent^2", "percent^2"),
        ("°C", "celsius"),
        ("rpm", "rpm"),
        ("furlong", None),
        ("", None),
    ],
)
def test_spellings_have_one_canonical_name(spelling: str, name: str | None) -> None:
    """What people write in `unit:` and behind numbers."""
    assert units.canonical(spelling) == name
    if name:
        assert units.canonical(name) == name


@pytest.mark.parametrize(
    ("value", "source", "target", "result"),
    [
        (5, "percent", "ratio", 0.05),
        (0.07, "ratio", "percent", 7.0),
        (29, "percent", "ratio", 0.29),
        (400, "ms", "s", 0.4),
        (1, "MiB/s", "bytes/s", 1048576.0),
        (1, "Mbit/s", "bytes/s", 125000.0),
        (60, "/m", "/s", 1.0),
        (2, "s^2", "ms^2", 2e6),
    ],
)
def test_conversion_is_exact(value: float, source: str, target: str, result: float) -> None:
    """The nearest float of the true value, not one that has been rounded twice."""
    assert units.convert(value, source, target) == result


@pytest.mark.parametrize(
    ("text", "value", "unit"),
    [
        ("85%", 85.0, "percent"),
        ("1h30m", 5_400_000.0, "ms"),
        ("1.5h", 1.5, "h"),
        ("10MiB", 10.0, "MiB"),
        ("5/s", 5.0, "/s"),
        ("1e3", 1000.0, ""),
        ("1_000", 1000.0, ""),
        (".5", 0.5, ""),
    ],
)
def test_number_literals(text: str, value: float, unit: str) -> None:
    """A number and its unit in one word."""
    assert units.read_number(text) == units.Quantity(value, unit)


@pytest.mark.parametrize("text", ["5foo", "5m3x", "5MiB3s", "5x/s"])
def test_unknown_units_are_none(text: str) -> None:
    """The checker makes them SW108."""
    assert units.read_number(text) is None


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("500ms", 500),
        ("30s", 30_000),
        ("5m", 300_000),
        ("1h", 3_600_000),
        ("7d", 604_800_000),
        ("2w", 1_209_600_000),
        ("1h30m", 5_400_000),
        ("1.5h", 5_400_000),
        (" 5m ", 300_000),
        ("0s", 0),
        ("5", None),
        ("5 m", None),
        ("-5m", None),
        ("500us", None),
        ("5%", None),
        ("", None),
        ("5mins", None),
    ],
)
def test_durations(text: str, ms: int | None) -> None:
    """Whole milliseconds or nothing."""
    assert units.parse_duration(text) == ms


@given(st.integers(0, 3 * 10**12))
def test_durations_print_as_they_are_read(ms: int) -> None:
    """`format_duration` is the inverse."""
    assert units.parse_duration(units.format_duration(ms)) == ms


@pytest.mark.parametrize("name", ["percent", "ratio", "ms", "bytes", "MiB/s", "dBm", "/s", "celsius"])
def test_a_unit_is_spelled_as_the_language_reads_it(name: str) -> None:
    """So that a hint can be typed; a ratio has no spelling but a plain number."""
    found = units.read_number(f"5{units.spelling(name)}")
    assert found is not None
    assert found.unit == ("" if name == "ratio" else name)


@pytest.mark.parametrize("text", ["9" * 5000 + "s", "101d" * 1000, "36501d", "1__0s", "٣s"])
def test_absurd_durations_are_none(text: str) -> None:
    """However they are written; a hundred years is the most."""
    assert units.parse_duration(text) is None


def test_a_conversion_that_is_too_large_is_infinite() -> None:
    """And raises nothing."""
    assert units.convert(1e308, "w", "ns") == float("inf")
    assert units.convert(-1e308, "w", "ns") == float("-inf")
