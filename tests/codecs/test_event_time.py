"""Twin of codecs/event_time.py."""

from __future__ import annotations

import datetime as dt
import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from streamwatchd.codecs.event_time import BAD_TIME, MISSING_TIME, parse_times, unreadable

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_T = 1_767_571_200_000  # 2026-01-05T00:00:00Z


@pytest.mark.parametrize(
    ("text", "ms"),
    [
        ("2026-01-05T00:00:00Z", _T),
        ("2026-01-05T00:00:00", _T),
        ("2026-01-05 00:00:00z", _T),
        ("2026-01-05t00:00Z", _T),
        ("2026-01-05T00:00", _T),
        ("2026-01-05T00:00:00.1Z", _T + 100),
        ("2026-01-05T00:00:00,12Z", _T + 120),
        ("2026-01-05T00:00:00.123999999Z", _T + 123),
        ("2026-01-05T02:00:00+02:00", _T),
        ("2026-01-05T02:30:00.5+0230", _T + 500),
        ("2026-01-04T19:00:00-05", _T),
        ("2026-01-05T05:45+05:45", _T),
        ("1969-12-31T23:59:59.999Z", -1),
        ("1969-12-31T23:59:59.9999Z", -1),
        ("0001-01-01T00:00:00Z", -62_135_596_800_000),
        ("9999-12-31T23:59:59.999Z", 253_402_300_799_999),
        ("2024-02-29T00:00:00Z", 1_709_164_800_000),
        ("2016-12-31T23:59:60Z", 1_483_228_800_000),
    ],
)
def test_reads_every_form_of_iso_8601(text: str, ms: int) -> None:
    """Any offset, 0 to 9 digits of fraction cut off (not rounded), no offset means UTC, second 60 as in POSIX."""
    assert parse_times([text]).tolist() == [ms]


@pytest.mark.parametrize(
    "text",
    [
        "",
        "yesterday",
        "1767571200",
        "2026-01-05",
        "2026-02-29T00:00:00Z",
        "2026-13-01T00:00:00Z",
        "2026-00-01T00:00:00Z",
        "2026-01-00T00:00:00Z",
        "2026-01-32T00:00:00Z",
        "2026-01-05T24:00:00Z",
        "2026-01-05T00:60:00Z",
        "2026-01-05T00:00:61Z",
        "2026-01-05T00:00:00.Z",
        "2026-01-05T00:00:00.1234567890Z",
        "2026-01-05T00:00:00+24:00",
        "2026-01-05T00:00:00+00:60",
        "2026-01-05T00:00:00 Z",
        "2026-01-05T00:00:00ZZ",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+01:00",
        "+2026-01-05T00:00:00Z",
        "２０２６-01-05T00:00:00Z",
        "2026-01-05T00:00:00Z" * 3,
    ],
)
def test_refuses_what_is_no_time(text: str) -> None:
    """Dates that do not exist, other forms and other digits are bad times, never a guess."""
    assert parse_times([text]).tolist() == [BAD_TIME]


@pytest.mark.parametrize(
    ("value", "unit", "ms"),
    [
        (1_767_571_200, "", _T),
        (_T, "", _T),
        (_T * 1_000, "", _T),
        (_T * 1_000_000, "", _T),
        (_T * 1_000_000 + 999_999, "", _T),
        (4_999_999_999, "", 4_999_999_999_000),
        (5_000_000_000, "", 5_000_000_000),
        (4_999_999_999_999, "", 4_999_999_999_999),
        (5_000_000_000_000, "", 5_000_000_000),
        (5_000_000_000_000_000, "", 5_000_000_000),
        (1_767_571_200.123, "", _T + 123),
        (1.7675712e9, "", _T),
        (1.7675712e12, "", _T),
        (_T + 0.999, "ms", _T),
        (5, "s", 5_000),
        (5, "ms", 5),
        (1_999, "us", 1),
        (1_999_999, "ns", 1),
        (-1, "s", -1_000),
        (-1, "us", -1),
        (-1, "ns", -1),
        (-0.5, "ms", -1),
        (-0.0005, "s", -1),
        (0, "", 0),
        (2**63 - 1, "ns", 9_223_372_036_854),
        (-(2**63), "ns", -9_223_372_036_855),
    ],
)
def test_reads_numbers_in_a_unit_or_by_size_rounded_down(value: float, unit: str, ms: int) -> None:
    """Floor also for negatives; a fraction of seconds means the milliseconds that were written."""
    assert parse_times([value], unit).tolist() == [ms]


@pytest.mark.parametrize("value", [2**63, -(2**63) - 1, 10**400, 2**63 - 1, -(2**63), 1e300, -1e300, True])
@pytest.mark.parametrize("unit", ["s", "ms", "us"])
def test_numbers_beyond_the_calendar_are_bad(value: float, unit: str) -> None:
    """Years 1 to 9999 are times; what overflows is not wrapped around."""
    assert parse_times([value], unit).tolist() == [BAD_TIME]


def test_a_column_may_mix_everything() -> None:
    """Each value is read for itself, in place; None is missing."""
    mixed = ["2026-01-05T00:00:00Z", None, 5, "no", 1.5, "2026-01-05T00:00:00.5Z", "2026-01-05T01:00:00+01:00", 10**30]
    times = parse_times(mixed, "ms")
    assert times.tolist() == [_T, MISSING_TIME, 5, BAD_TIME, 1, _T + 500, _T, BAD_TIME]
    assert unreadable(times).tolist() == [False, True, False, True, False, False, False, True]
    assert parse_times([]).tolist() == []


@given(
    st.lists(
        st.tuples(
            st.datetimes(min_value=dt.datetime(2, 1, 1), max_value=dt.datetime(9998, 12, 31)),  # noqa: DTZ001
            st.sampled_from(["Z", "", "+00:00", "-03:30", "+0545", "+14"]),
            st.sampled_from("Tt "),
            st.integers(0, 9),
        ),
        max_size=12,
    )
)
def test_agrees_with_the_standard_library(cases: list[tuple[dt.datetime, str, str, int]]) -> None:
    """Texts of all lengths and shapes in one column give what `datetime` gives for each."""
    texts, expected = [], []
    for moment, zone, mark, digits in cases:
        fraction = f".{moment.microsecond * 1000:09d}"[: digits + 1] if digits else ""
        texts.append(f"{moment:%Y}".rjust(4, "0") + f"{moment:-%m-%d}{mark}{moment:%H:%M:%S}{fraction}{zone}")
        offset = {"-03:30": -210, "+0545": 345, "+14": 840}.get(zone, 0)
        micros = (moment.replace(microsecond=0, tzinfo=dt.UTC) - _EPOCH) // dt.timedelta(milliseconds=1)
        ms = int((fraction[1:4] or "0").ljust(3, "0"))
        expected.append(micros + ms - offset * 60_000)
    assert parse_times(texts).tolist() == expected


@given(st.lists(st.integers(-(2**70), 2**70)), st.sampled_from(["", "s", "ms", "us", "ns"]))
def test_integers_agree_with_exact_arithmetic(values: list[int], unit: str) -> None:
    """Fractions say the same, value by value."""
    assert parse_times(values, unit).tolist() == [_exact(value, unit) for value in values]


def _exact(value: int, unit: str) -> int:
    if not unit:
        limits = ((5e9, "s"), (5e12, "ms"), (5e15, "us"))
        unit = next((name for limit, name in limits if abs(value) < limit), "ns")
    ms = math.floor(Fraction(value) * {"s": 1000, "ms": 1, "us": Fraction(1, 10**3), "ns": Fraction(1, 10**6)}[unit])
    fits = abs(value) < 2**63 or value == -(2**63)
    return ms if fits and -62_135_596_800_000 <= ms <= 253_402_300_799_999 else int(BAD_TIME)
