"""What random projects say of kinds and units."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from tests.laws.engine import compile_world
from tests.oracle.random_kinds import with_kinds, with_units
from tests.oracle.random_rules import build_world

SHARE = 'source: alpha\n    values:\n      r0v0: "ratio(x > 5)"\n      r0v1: "sum(x)"\n'


@pytest.mark.parametrize(
    ("drawn", "made"),
    [
        ("var(r0v0 over 1s) - avg(r0v0 where r0v1 > 1 over 1s) > 1", " / "),
        ("max(r0v0 over 1s) - avg(r0v0 over 1s) > 1", " - "),
        ("slope(r0v0 over 1s) + 2 * ratio(r0v1 > 1 over 1s)", " / "),
        ("count(over 1s) + 2 * ratio(r0v1 > 1 over 1s)", " + 2 * "),
        ("var(r0v1 over 1s) - avg(r0v1 over 1s)", " - "),
    ],
)
def test_values_whose_units_differ_are_divided(drawn: str, made: str) -> None:
    """Others stay as they were drawn."""
    left, _, right = drawn.replace(" + 2 * ", " - ").partition(" - ")
    assert with_units({"r0": SHARE, "r1": drawn}) == {"r0": SHARE, "r1": left + made + right}


def test_units_are_handed_on_from_rule_to_rule() -> None:
    """Of a choice of two whose units differ one is left."""
    second = '      r1v0: "100 - 0.5 * var(r0v0)"\n'
    third = "coalesce(avg(r1v0 over 2s), sum(r0v0 over 1s), 1) > 3"
    found = with_units({"r0": SHARE, "r1": second, "r2": third})
    assert found["r2"] == "coalesce(avg(r1v0 over 2s), 1) > 3"


def test_a_field_of_which_no_rule_tells_the_kind_is_not_the_first_of_a_kpi() -> None:
    """A use in any rule on the source tells it."""
    kpi, alarm = "kpi: r0\nsource: alpha\nfirst(y)\n", "alarm: r1\nsource: alpha\nx + y > 3\n"
    assert with_kinds({"r0": kpi})["r0"] == kpi.replace("first(y)", "first(x)")
    assert with_kinds({"r0": kpi, "r1": alarm})["r0"] == kpi


@pytest.mark.parametrize("seed", [510, 557, 61_028])
def test_worlds_that_were_refused(seed: int, tmp_path: Path) -> None:
    """The loader takes what is drawn."""
    compile_world(build_world(random.Random(seed), seed, rules=4, records=4), tmp_path)
