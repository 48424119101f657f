"""Instants on the command line."""

from __future__ import annotations

import click
import pytest

from streamwatchd.cli.times import MOMENT, PAST


@pytest.mark.parametrize(
    "text", ["2026-01-05T00:00:00Z", "2026-01-05T01:00:00+01:00", "1767571200", "1767571200000", "1767571200000000"]
)
def test_times_and_numbers_of_any_size(text: str) -> None:
    """All mean the same instant."""
    assert MOMENT.convert(text, None, None) == 1_767_571_200_000


def test_what_is_no_time_is_wrong_usage() -> None:
    """With the forms that are understood."""
    with pytest.raises(click.BadParameter, match="write 2026-"):
        MOMENT.convert("tomorrow", None, None)


def test_how_long_ago_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    """A duration goes back from the clock; times are as ever."""
    monkeypatch.setattr("time.time", lambda: 1_767_578_400.0)
    assert PAST.convert("2h", None, None) == 1_767_571_200_000
    assert PAST.convert("2026-01-05T00:00:00Z", None, None) == 1_767_571_200_000
