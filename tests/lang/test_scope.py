"""Scopes of joins."""

from __future__ import annotations

from streamwatchd.lang import check
from streamwatchd.lang.scope import Scope, Undeclared, joined_scope, row_scope
from streamwatchd.lang.typed import (
    STRING,
    Field,
    Kind,
    TableColumn,
    Value,
)
from tests.lang.meaning import PERCENT, PLAIN, meaning


def test_joined_streams_are_told_apart_by_name(row: Scope) -> None:
    """A bare name works where one side has it; keys are common."""
    kpi = row_scope("errors", {"total": PLAIN, "failed": PLAIN, "host": STRING}, undeclared=Undeclared.CLOSED)
    scope = joined_scope({"metrics": row, "errors": kpi}, ["host"])
    assert meaning("cpu", scope) == Field("cpu", PERCENT, "metrics")
    assert meaning("failed", scope) == Field("failed", PLAIN, "errors")
    assert meaning("errors.total", scope) == Field("total", PLAIN, "errors")
    assert meaning("host", scope) == Field("host", STRING)
    assert [problem.code for problem in check("total > 5", scope).problems] == ["SW205"]
    assert check("metrics.queue > 5", scope).infers == {"metrics.queue": Kind.NUMBER}
    assert [problem.code for problem in check("errors.queue > 5", scope).problems] == ["SW201"]


def test_values_hide_fields(row: Scope) -> None:
    """An entry of `values:` is what its name means from there on."""
    assert meaning("cpu", row.with_values({"cpu": PLAIN})) == Value("cpu", PLAIN)


def test_columns_of_two_tables_are_told_apart(scopes: dict[str, Scope]) -> None:
    """By the table's name."""
    assert meaning("sites.site", scopes["clash"]) == TableColumn("sites", "site", "host", STRING)
    assert [problem.code for problem in check("site == a", scopes["clash"]).problems] == ["SW205"]
