"""Pane tables that rules share."""

from __future__ import annotations

from streamwatchd.lang.typed import NUMBER, STRING, Aggregate, Field
from streamwatchd.operators.spec import KeyColumn, Window
from streamwatchd.plan.families import ROWS, FamilyDraft, accumulations_of

X = Field("x", NUMBER)
HOST = KeyColumn("host", Field("host", STRING), "string")


def draft(width: int = 10) -> FamilyDraft:
    return FamilyDraft("m", (HOST,), None, 0, 1, None, False, "", width)


def aggregate(name: str, arg: Field | None = X) -> Aggregate:
    return Aggregate(name, arg, None, 60, 0, None, NUMBER)


def test_aggregates_share_what_they_keep() -> None:
    """An average is a sum and a count; variances share theirs; `count()` counts rows, not values."""
    assert set(accumulations_of(aggregate("sum"))) < set(accumulations_of(aggregate("avg")))
    assert accumulations_of(aggregate("var")) == accumulations_of(aggregate("stddev"))
    assert accumulations_of(aggregate("count", None)) == (ROWS,)
    assert accumulations_of(aggregate("count")) != (ROWS,)


def test_the_finest_table_keeps_what_wide_ones_need() -> None:
    """Until it is rolled up; how long each is kept follows its own readers."""
    family = draft()
    family.need(Window(60, 10, 0, 10), accumulations_of(aggregate("max")))
    family.need(Window(6_000, 100, 0, 100), accumulations_of(aggregate("sum")))
    fine, wide = family.spec().tables
    assert (fine.width_ms, fine.parent_ms, wide.width_ms, wide.parent_ms) == (10, 0, 100, 10)
    assert set(wide.accumulations) == set(accumulations_of(aggregate("sum")))
    assert set(fine.accumulations) == set(accumulations_of(aggregate("sum"))) | set(accumulations_of(aggregate("max")))
    assert fine.retention_ms < wide.retention_ms


def test_the_finest_table_is_there_even_if_nobody_reads_it() -> None:
    """It is what events enter and what crosses the exchange."""
    family = draft()
    family.need(Window(6_000, 100, 0, 100), (ROWS,))
    assert [table.width_ms for table in family.spec().tables] == [10, 100]


def test_width_is_part_of_what_a_family_is() -> None:
    """So that no rule makes the panes of another finer while they run."""
    assert draft(10).id != draft(20).id
    assert draft(10).id == draft(10).id


def test_constants_are_gathered_by_place() -> None:
    """Only rows with one of them enter."""
    family = draft()
    family.admit(("cpu", "s1"))
    family.admit(("mem", "s1"))
    assert family.spec().admits == (frozenset({"cpu", "mem"}), frozenset({"s1"}))
