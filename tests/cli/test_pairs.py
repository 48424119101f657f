"""NAME=VALUE, in whatever option it stands."""

from __future__ import annotations

import pytest

from streamwatchd.cli.pairs import pairs
from streamwatchd.errors import UnreadableInput


def test_what_stands_left_of_the_first_sign_is_the_name() -> None:
    """A value may have the sign in it, or be nothing."""
    assert pairs("--key", ["host=a", "path=/x?y=1", "note="], "host=a") == {"host": "a", "path": "/x?y=1", "note": ""}


@pytest.mark.parametrize(
    ("texts", "why"),
    [
        (["host"], "--key host: write NAME=VALUE, such as --key host=a1"),
        (["=a"], "--key =a: write NAME=VALUE, such as --key host=a1"),
        (["host=a", "host=b"], "--key host=b: `host` is a already; say it once"),
    ],
)
def test_anything_else_is_told_with_the_option(texts: list[str], why: str) -> None:
    """And how it is written."""
    with pytest.raises(UnreadableInput) as told:
        pairs("--key", texts, "host=a1")
    assert str(told.value) == why
