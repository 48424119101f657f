"""What names mean."""

from __future__ import annotations

import pytest

from streamwatchd.lang import check
from streamwatchd.lang.names import one_edit
from streamwatchd.lang.scope import JoinedTable, Scope, Undeclared, row_scope
from streamwatchd.lang.typed import (
    STRING,
    Aggregate,
    And,
    Compare,
    Field,
    Key,
    Literal,
    TableColumn,
    Time,
    Value,
)
from tests.lang.meaning import PERCENT, PLAIN, meaning


def test_names_are_fields_columns_keys_and_values(row: Scope, alarm: Scope) -> None:
    """One name, one typed node."""
    assert meaning("cpu", row) == Field("cpu", PERCENT)
    assert meaning("role", row) == TableColumn("devices", "role", "host", STRING)
    assert meaning("time", row) == Time()
    assert meaning("host", alarm) == Key("host", STRING)
    assert meaning("cpu5", alarm) == Value("cpu5", PERCENT)
    assert meaning("role", alarm) == TableColumn("devices", "role", "host", STRING)
    assert meaning("last(cpu over 5m where role == core)", alarm) == Aggregate(
        "last",
        Field("cpu", PERCENT),
        Compare("==", TableColumn("devices", "role", "host", STRING), Literal("core", STRING)),
        300_000,
        0,
        None,
        PERCENT,
    )


def test_a_field_wins_over_a_column_of_its_name() -> None:
    """The column stays reachable as `table.column`."""
    sites = JoinedTable("sites", "host", {"site": STRING})
    scope = row_scope("s", {"site": STRING}, [sites])
    assert meaning("site", scope) == Field("site", STRING)
    assert meaning("sites.site", scope) == TableColumn("sites", "site", "host", STRING)


def test_a_word_in_back_ticks_is_always_a_field(open_row: Scope) -> None:
    """Reserved words and odd names can be fields."""
    expr = meaning("`in` > 5 and x == `http.status-code`", open_row)
    assert isinstance(expr, And)
    assert expr.args[0] == Compare(">", Field("in", PLAIN), Literal(5.0, PLAIN))
    assert expr.args[1] == Compare("==", Field("x", STRING), Field("http.status-code", STRING))


@pytest.mark.parametrize("word", ["disk2", "ab", "total_requests"])
def test_names_that_are_not_one_letter_off_are_only_warned_about(word: str) -> None:
    """Numbered and short names are different on purpose."""
    scope = row_scope("s", {"disk1": PLAIN, "aa": PLAIN, "total": PLAIN}, undeclared=Undeclared.WARN)
    assert [problem.code for problem in check(f"{word} > 5", scope).problems] == ["SW203"]


@pytest.mark.parametrize(
    ("word", "meant"), [("device.role", "devices.role"), ("devicez.role", "devices.role"), ("devices.rle", "role")]
)
def test_a_table_or_column_one_letter_off_is_a_mistake(row: Scope, word: str, meant: str) -> None:
    """Not a field of that name."""
    (problem,) = check(f"{word} == core", row).problems
    assert problem.is_error
    assert f"did you mean `{meant}`" in problem.hint


def test_an_unknown_table_is_told_those_that_are_joined() -> None:
    """It may be a nested field, so it is a warning."""
    devices = JoinedTable("devices", "host", {"role": STRING})
    scope = row_scope("s", {"host": STRING}, [devices], undeclared=Undeclared.WARN)
    (problem,) = check("inventory.role == core", scope).problems
    assert (problem.code, problem.is_error) == ("SW203", False)
    assert "no table `inventory` is joined here, only `devices`" in problem.hint


def test_a_field_one_letter_off_in_a_windowed_rule_is_a_misspelt_field(alarm: Scope) -> None:
    """To aggregate it would be no way out."""
    (problem,) = check("avg(cpu over 5m) > 5 and latncy > 5", alarm).problems
    assert "did you mean `last(latency over 5m)`" in problem.hint


@pytest.mark.parametrize(
    ("word", "known", "near"),
    [
        ("cpi", "cpu", True),
        ("cpus", "cpu", True),
        ("cp", "cpu", False),
        ("sevrice", "service", True),
        ("servce", "service", True),
        ("service", "service", False),
        ("disk2", "disk1", False),
        ("disk1", "disk12", False),
        ("latency", "latent", False),
    ],
)
def test_one_edit(word: str, known: str, near: bool) -> None:
    """One letter more, less, wrong or swapped; digits and short words are different on purpose."""
    assert one_edit(word, known) == near
    assert one_edit(known, word) == near
