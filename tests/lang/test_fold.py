"""One form for one meaning."""

from __future__ import annotations

import pytest

from streamwatchd.lang.scope import Scope
from streamwatchd.lang.typed import (
    And,
    Not,
)
from tests.lang.meaning import meaning

SAME = [
    ("row", "cpu > 85%", "cpu > 85"),
    ("row", "error_rate > 5%", "error_rate > 0.05"),
    ("row", "latency > 400ms", "latency > 0.4s"),
    ("row", "duration > 90s", "duration > 1m30s"),
    ("row", "octets > 10MiB", "octets > 10485760"),
    ("row", "octets > 1kB", "octets > 8kbit"),
    ("row", "traffic > 8Mbps", "traffic > 1000000"),
    ("row", "5 < cpu", "cpu > 5"),
    ("row", "5 >= cpu", "cpu <= 5"),
    ("row", "service = billing", 'service == "billing"'),
    ("row", "service <> 'a'", 'service != "a"'),
    ("row", "up AND NOT up Or up", "up and not up or up"),
    ("row", "up and (cpu > 1 and mem > 1)", "up and cpu > 1 and mem > 1"),
    ("row", "up or up or cpu > 1", "up or cpu > 1"),
    ("row", "not not up", "up"),
    ("row", "up == true", "up"),
    ("row", "up != true", "not up"),
    ("row", "up = false", "not up"),
    ("row", "service in (b, a, a)", "service in ('a', 'b')"),
    ("row", "service in (a)", "service == a"),
    ("row", "service not in (a, b)", "not service in (a, b)"),
    ("row", "cpu is not null", "not (cpu is null)"),
    ("row", "cpu > 2 * 40", "cpu > 80%"),
    ("row", "cpu > -(-5)", "cpu > 5"),
    ("row", "cpu > 60% * mem", "cpu > 0.6 * mem"),
    ("row", "latency > 2 * 200ms", "latency > 400"),
    ("row", "latency > 50% * 80ms", "latency > 40ms"),
    ("row", "cpu in (85%, 90)", "cpu in (85, 90%)"),
    ("row", "devices.role == core", "role == 'core'"),
    ("row", "up and true", "up"),
    ("row", "coalesce(cpu, 5%) > 1", "coalesce(cpu, 5) > 1%"),
    ("alarm", "cpu5 > 85%", "cpu5 > 85"),
    ("alarm", "count(where up over 5m) > 3", "count(over 300s where up) > 3"),
    ("alarm", "sum(octets over 1h by host mount) > 3", "sum(octets over 60m) > 3"),
    ("alarm", "sum(octets over 1h by [host]) > 3", "sum(octets by host over 1h) > 3"),
    ("alarm", "sum(octets over 5m) / 5m > 1KiB/s", "sum(octets over 5m) / 300s > 1024"),
    ("alarm", "count(over 5m ago 1h) > 3", "count(ago 60m over 5m) > 3"),
    ("kpi", "p99.9(latency)", "p99.9(latency where true)"),
]


@pytest.mark.parametrize(("scope", "one", "other"), SAME)
def test_equal_meanings_give_equal_trees(scopes: dict[str, Scope], scope: str, one: str, other: str) -> None:
    """So rules that say one thing in two ways share their work."""
    first = meaning(one, scopes[scope])
    assert first == meaning(other, scopes[scope])
    assert hash(first) == hash(meaning(other, scopes[scope]))


def test_not_is_kept_where_null_matters(row: Scope) -> None:
    """`not (a > 5 and b)` is not rewritten; nulls make it a third thing."""
    expr = meaning("not (cpu > 5 and up)", row)
    assert isinstance(expr, Not)
    assert isinstance(expr.arg, And)
