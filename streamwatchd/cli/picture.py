"""How a rule looks from the inside, live or in a recording: sections, trees of conditions with values, holds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import click

from streamwatchd.lang.units import format_duration
from streamwatchd.operators.document import iso

_WIDTH = 10
_VALUES = 46


def heading(kind: str, rule: str, key: str, at_ms: int) -> str:
    return click.style(f"{kind} {rule}   {key}   at {iso(at_ms)}", bold=True)


def section(title: str, lines: Iterable[str]) -> Iterator[str]:
    for number, line in enumerate(lines):
        yield f"{title if number == 0 else '':<{_WIDTH}}{line}"


def branch(depth: int, text: str, value: str) -> str:
    """A line of a condition tree."""
    indented = "  " * depth + text
    return f"{indented:<{_VALUES}} {value}".rstrip()


def shown(value: object, unit: str) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        value = f"{value:.6g}"
    return f"{value} {unit}" if unit and unit not in ("ratio",) else str(value)


def hold(word: str, since_ms: int, hold_ms: int, at_ms: int, or_before: bool = False) -> str:
    """Since when a condition is true, and what is left of its hold; `or_before`: it may have been true earlier."""
    text = f"true since {iso(since_ms)}" + (" or before" if or_before else "")
    left = since_ms + hold_ms - at_ms
    if or_before and hold_ms and left > 0:
        return f"{text}: {word} {format_duration(hold_ms)}, at most {format_duration(left)} left"
    if hold_ms and left > 0:
        return f"{text}: {word} {format_duration(hold_ms)}, {format_duration(left)} left"
    return f"{text}: {word} {format_duration(hold_ms)} is over" if hold_ms else text
