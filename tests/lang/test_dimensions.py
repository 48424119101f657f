"""How units meet."""

from __future__ import annotations

import pytest

from streamwatchd.lang.scope import Scope
from streamwatchd.lang.typed import (
    Arithmetic,
    Call,
    Compare,
    Field,
    Kind,
    Literal,
    Type,
)
from tests.lang.meaning import PLAIN, literal, meaning


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("cpu > 85%", 85.0),
        ("error_rate > 5%", 0.05),
        ("latency > 1m", 60_000.0),
        ("duration > 400ms", 0.4),
        ("octets > 10MiB", 10 * 2.0**20),
        ("rssi < -85dBm", -85.0),
        ("rssi - -60dBm > 2dB", 2.0),
        ("traffic > 1kB/s", 1000.0),
        ("cpu / mem > 150%", 1.5),
        ("total / weight > 5%", 0.05),
        ("total > 1_000.5e1", 10_005.0),
    ],
)
def test_a_constant_is_in_the_unit_of_what_it_is_compared_with(row: Scope, text: str, value: float) -> None:
    """Evaluation knows nothing of units."""
    assert literal(text, row) == value


def test_two_fields_of_one_dimension_are_converted(row: Scope) -> None:
    """Seconds against milliseconds: the right side is brought to the left one's unit."""
    ms = Type(Kind.NUMBER, "ms")
    seconds = Field("duration", Type(Kind.NUMBER, "s"))
    converted = Arithmetic("*", seconds, Literal(1000.0, PLAIN), ms)
    assert meaning("latency > duration", row) == Compare(">", Field("latency", ms), converted)


@pytest.mark.parametrize(
    ("text", "unit"),
    [
        ("avg(cpu)", "percent"),
        ("100 - 0.5 * avg(cpu) - 0.3 * avg(mem)", "percent"),
        ("avg(cpu) + 3 * stddev(cpu)", "percent"),
        ("var(cpu)", "percent^2"),
        ("sqrt(var(cpu))", "percent"),
        ("p99(latency)", "ms"),
        ("count()", ""),
        ("distinct(host)", ""),
        ("ratio(up)", "ratio"),
        ("sum(octets) / 1m", "bytes/s"),
        ("max(traffic) * 1h", "bytes"),
        ("sum(octets) / sum(octets ago 1h)", "ratio"),
        ("sum(octets) * ratio(up)", "bytes"),
        ("sum(octets) * avg(latency)", ""),
        ("count() / 1m", "/s"),
        ("max(rssi) - min(rssi)", "dB"),
        ("least(avg(cpu), 90)", "percent"),
        ("least(90, avg(cpu))", "percent"),
        ("round(avg(cpu), 1)", "percent"),
        ("ln(avg(cpu))", ""),
    ],
)
def test_results_have_units(kpi: Scope, text: str, unit: str) -> None:
    """The unit of a value follows from what it is made of."""
    assert meaning(text, kpi).type == Type(Kind.NUMBER, unit)


def test_an_argument_in_another_unit_is_converted(row: Scope) -> None:
    """`least(latency, duration)` is in milliseconds."""
    expr = meaning("least(latency, duration, 5s)", row)
    assert isinstance(expr, Call)
    assert expr.type == Type(Kind.NUMBER, "ms")
    assert expr.args[2] == Literal(5000.0, expr.type)
    assert isinstance(expr.args[1], Arithmetic)
