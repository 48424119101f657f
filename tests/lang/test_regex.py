"""Regular expressions that are refused, and those that are not."""

from __future__ import annotations

import pytest

from streamwatchd.lang.regex import explodes, fault


@pytest.mark.parametrize(
    "pattern",
    [
        "(a+)+",
        "(a*)*b",
        "(.*)*",
        "(a|a)*b",
        "(a|ab)+c",
        r"(\w+\s?)*x",
        "(x+x+)+y",
        r"(\d+|\w+)*z",
        "([a-z]+)*",
        "((a+))+",
        "(a+?)+?b",
        r"(\w+\w)+!",
    ],
)
def test_patterns_that_can_take_exponential_time(pattern: str) -> None:
    """One run of characters can be split in many ways."""
    assert explodes(pattern)


@pytest.mark.parametrize(
    "pattern",
    [
        "^core-[0-9]+$",
        r"(\w+\.)+com",
        "a.*b.*c",
        "(ab|cd)*",
        "(a|b)+",
        "x{2,5}(yz)*",
        r"(/[^/]+)*$",
        "(?i)error",
        r"^(?!test)\w+",
        "(a+b)*",
        "(a{2,4})*",
        "[[a]x",
        "",
    ],
)
def test_ordinary_patterns_pass(pattern: str) -> None:
    """Separated repeats are what people write."""
    assert not explodes(pattern)
    assert not fault(pattern)


@pytest.mark.parametrize(
    "pattern", ["(", "[a", "*", "a" * 1001, "(" * 400 + ")" * 400, "(?P<1>x)", "a{99999999999999999999}"]
)
def test_patterns_that_do_not_compile_say_why(pattern: str) -> None:
    """In the compiler's words; never an exception."""
    assert fault(pattern)
