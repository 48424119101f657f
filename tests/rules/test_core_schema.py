"""Plain scalars by YAML 1.2."""

from __future__ import annotations

import math

import pytest

from streamwatchd.rules.core_schema import Surprise, resolve, surprise


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None), ("~", None), ("null", None), ("Null", None), ("nULL", "nULL"),
        ("true", True), ("FALSE", False), ("yes", "yes"), ("on", "on"), ("tRue", "tRue"),
        ("5", 5), ("-5", -5), ("+5", 5), ("012", 12), ("0o14", 12), ("0x1F", 31), ("1_000", "1_000"),
        ("0.5", 0.5), (".5", 0.5), ("5.", 5.0), ("1e3", 1000.0), ("-.inf", -math.inf), ("1e", "1e"), (".", "."),
        ("22:00", "22:00"), ("2026-01-05", "2026-01-05"), ("1:30:00", "1:30:00"), ("٣", "٣"), ("=", "="),
    ],
)  # fmt: skip
def test_the_core_schema_and_nothing_more(text: str, value: object) -> None:
    """No dates, no sexagesimal numbers, no `yes`."""
    assert resolve(text) == value
    assert type(resolve(text)) is type(value)


def test_nan_is_a_number() -> None:
    """It equals nothing, so it has a test of its own."""
    assert math.isnan(resolve(".nan"))  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("on", Surprise.TRUTH_WORD), ("No", Surprise.TRUTH_WORD), ("oN", None), ("true", None),
        ("012", Surprise.LEADING_ZERO), ("0", None), ("0.5", None), ("-01", Surprise.LEADING_ZERO),
        ("22:00", Surprise.SEXAGESIMAL), ("22:61", None), ("1:30:00", Surprise.SEXAGESIMAL), ("a:b", None),
        ("1_000", Surprise.UNDERSCORES), ("_1", None), ("cpu_5", None), ("", None),
    ],
)  # fmt: skip
def test_what_tools_of_yaml_1_1_read_otherwise(text: str, found: Surprise | None) -> None:
    """Each has a diagnostic of its own."""
    assert surprise(text) is found


def test_a_very_long_number_stays_a_text() -> None:
    """Python refuses to convert more than 4,300 digits, and nobody means them."""
    assert resolve("9" * 10_000) == "9" * 10_000
