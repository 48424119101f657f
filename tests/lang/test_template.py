"""Messages."""

from __future__ import annotations

import pytest

from streamwatchd.lang import check_template, render, show
from streamwatchd.lang.scope import Scope
from streamwatchd.lang.typed import BOOL, STRING, Expr, Key, Kind, Type, Value

VALUES: dict[str, float | str | bool | None] = {
    "cpu5": 93.21,
    "share": 0.0512,
    "calm": True,
    "host": "core-1",
    "mount": None,
}


def lookup(expr: Expr) -> float | str | bool | None:
    return VALUES[expr.name] if isinstance(expr, Key | Value) else 1_767_571_200_000.0


@pytest.mark.parametrize(
    ("message", "text"),
    [
        ("CPU {cpu5} on {host}", "CPU 93.2% on core-1"),
        ("{cpu5:.1f} {cpu5:d} {cpu5:.0%}", "93.2 93 93%"),
        ("{share} {share:.2%} {share:.3f}", "5.12% 5.12% 0.051"),
        ("{{cpu5}} {mount} {calm}", "{cpu5} n/a true"),
        ("{cpu5 - 50}", "n/a"),
        ("since {time}", "since 2026-01-05T00:00:00.000Z"),
        ("{mount:>5}{host:>8}", "n/a  core-1"),
        ("no placeholders", "no placeholders"),
        ("", ""),
    ],
)
def test_a_message_is_filled(alarm: Scope, message: str, text: str) -> None:
    """Values print with their units, or in the format that is asked for."""
    checked = check_template(message, alarm)
    assert checked.template is not None, checked.problems
    if "-" in message:
        assert render(checked.template, lambda _: None) == text
    else:
        assert render(checked.template, lookup) == text


def test_a_string_in_a_placeholder_may_hold_braces_and_colons(alarm: Scope) -> None:
    """Only a colon outside of quotes begins a format."""
    checked = check_template("{host == 'a:}{b'} and {count(where service ~ ':' over 5m):.0f}", alarm)
    assert checked.template is not None, checked.problems
    assert [part.text for part in checked.template.parts if not isinstance(part, str)] == [
        "host == 'a:}{b'",
        "count(where service ~ ':' over 5m)",
    ]


@pytest.mark.parametrize("spec", ["!r", "{}", "999999999f", "1000000000", ".999f", "n", "c", "#x", "{host}"])
def test_formats_are_few(alarm: Scope, spec: str) -> None:
    """No conversion, no nesting, no width that fills the memory."""
    assert check_template(f"{{cpu5:{spec}}}", alarm).template is None


def test_all_mistakes_of_a_message_come_at_once(alarm: Scope) -> None:
    """Each with its own place."""
    checked = check_template("{cpu6} and {foo()} and {cpu5 >}", alarm)
    assert [problem.code for problem in checked.problems] == ["SW201", "SW215", "SW101"]


def number(unit: str = "") -> Type:
    return Type(Kind.NUMBER, unit)


@pytest.mark.parametrize(
    ("value", "type_", "text"),
    [
        (93.249, number("percent"), "93.2%"),
        (0.05, number("ratio"), "5%"),
        (0.00012, number("ratio"), "0.012%"),
        (412.4, number("ms"), "412 ms"),
        (1.25, number("s"), "1.25 s"),
        (1_572_864, number("bytes"), "1.5 MiB"),
        (512, number("bytes"), "512 B"),
        (2_048, number("bytes/s"), "2 KiB/s"),
        (5, number("/s"), "5/s"),
        (-70.5, number("dBm"), "-70.5 dBm"),
        (104_234, number(), "104234"),
        (104_234.7, number(), "104235"),
        (0, number(), "0"),
        (-0.0, number(), "0"),
        (1e300, number(), "1e+300"),
        (None, number(), "n/a"),
        (True, BOOL, "true"),
        ("x", STRING, "x"),
    ],
)
def test_numbers_are_short(value: float | str | bool | None, type_: Type, text: str) -> None:
    """Three significant digits, whole numbers in full, bytes in binary multiples."""
    assert show(value, type_) == text
