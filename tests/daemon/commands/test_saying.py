"""What people say, on its way to the content in force."""

from __future__ import annotations

import pytest

from streamwatchd.control import CommandRefused
from streamwatchd.daemon.commands.saying import free_name, wheres


def test_quotes_in_keys_stay_text() -> None:
    """Nothing of a key's value is read as a condition."""
    assert list(wheres({"keys": {"k": 'a" or "b'}})) == ['k == "a\\" or \\"b"']


def test_numbers_are_tried_as_text_first() -> None:
    """A host may be called 5."""
    assert list(wheres({"keys": {"k": "5"}, "where": "a > 1"})) == ['k == "5" and (a > 1)', "k == 5 and (a > 1)"]
    assert list(wheres({"keys": {"k": "true"}})) == ['k == "true"', "k == true"]
    assert list(wheres({})) == [""]


def test_names_say_when_they_were_given() -> None:
    """Two of one second are told apart."""
    assert free_name("s", 1_772_402_700_000, []) == "s20260301_220500"
    assert free_name("s", 1_772_402_700_000, ["s20260301_220500"]) == "s20260301_220500_2"


@pytest.mark.parametrize(
    ("where", "why"),
    [
        ("hosst == ", "^`where`: something is missing after `==`"),
        ("a > 1) or (b > 2", "^`where`: `\\)` closes nothing"),
    ],
)
def test_a_condition_is_read_by_itself(where: str, why: str) -> None:
    """What is wrong is told of the words that were said, and they can't reach out of their brackets."""
    with pytest.raises(CommandRefused, match=why):
        list(wheres({"keys": {"k": "a"}, "where": where}))
