"""What alarms and KPIs share: keys and values."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from streamwatchd.lang.typed import Field, TableColumn
from streamwatchd.rules import codes
from streamwatchd.rules.loader import Loaded

Check = Callable[..., Loaded]
HEAD = "source: metrics\nevery: 1m\nrules:\n  - kpi: k\n    values: {x: avg(cpu)}\n"


@pytest.mark.parametrize(
    ("by", "kinds"),
    [("host", [Field]), ("[host, mount]", [Field, Field]), ("role", [TableColumn]), ("devices.role", [TableColumn])],
)
def test_keys_are_fields_or_table_columns(check: Check, by: str, kinds: list[type]) -> None:
    """One name or a list."""
    loaded = check(f"{HEAD}    by: {by}\n")
    assert loaded.diagnostics == ()
    assert [type(key.expr) for key in loaded.ruleset.rules[0].by] == kinds


@pytest.mark.parametrize(
    ("by", "code"), [("time", codes.UNKNOWN_KEY), ("devices.rolle", codes.UNKNOWN_KEY), ("hots", "SW202")]
)
def test_keys_that_are_none(check: Check, by: str, code: str) -> None:
    """With a way out."""
    found = [each for each in check(f"{HEAD}    by: {by}\n").diagnostics if each.is_error]
    assert [each.code for each in found] == [code]
    assert found[0].hint


def test_later_values_read_earlier_ones_and_a_broken_one_breaks_no_others(check: Check) -> None:
    """One finding for one mistake."""
    text = HEAD.replace("{x: avg(cpu)}", "{a: avg(cpuu), b: a * 2, c: b + max(cpu)}")
    assert [each.code for each in check(text).diagnostics] == ["SW202"]
    good = check(text.replace("cpuu", "cpu"))
    assert good.diagnostics == ()
    assert [value.name for value in good.ruleset.rules[0].values] == ["a", "b", "c"]


def test_joined_kpis_share_their_keys(check: Check) -> None:
    """`by` may be left out; the columns of both sides have names."""
    text = (
        "source: metrics\nevery: 1m\nrules:\n"
        "  - kpi: load\n    by: host\n    values: {x: avg(cpu), n: count()}\n"
        "  - kpi: fill\n    by: [host, mount]\n    values: {y: avg(disk), n: count()}\n"
        "  - alarm: both\n    source: [load, fill]\n    when: x > 50% and y > 50% and load.n > 3\n"
    )
    loaded = check(text)
    assert loaded.diagnostics == ()
    both = loaded.ruleset.rule("both")
    assert (both.sources, [key.name for key in both.by]) == (("load", "fill"), ["host"])
    assert [each.code for each in check(text.replace("load.n", "n")).diagnostics] == ["SW205"]
