"""Types of columns."""

from __future__ import annotations

from typing import Any

import pytest

from streamwatchd.batch import to_values
from streamwatchd.enrichment.reader import read_table
from streamwatchd.lang.typed import STRING, Kind, Type
from tests.enrichment.files import values


@pytest.mark.parametrize(
    ("cells", "kind", "expected"),
    [
        (["1", "-2.5", "3e2", ""], Kind.NUMBER, [1.0, -2.5, 300.0, None]),
        (["0", "-0"], Kind.NUMBER, [0.0, 0.0]),
        (["007", "1"], Kind.STRING, ["007", "1"]),
        (["+1", "1"], Kind.STRING, ["+1", "1"]),
        ([".5"], Kind.STRING, [".5"]),
        (["NaN", "1"], Kind.STRING, ["NaN", "1"]),
        (["1_000"], Kind.STRING, ["1_000"]),
        (["١"], Kind.STRING, ["١"]),
        (["1", "x"], Kind.STRING, ["1", "x"]),
        (["true", "False", "TRUE", ""], Kind.BOOL, [True, False, True, None]),
        (["true", "1"], Kind.STRING, ["true", "1"]),
        (["yes", "no"], Kind.STRING, ["yes", "no"]),
        (["", ""], Kind.STRING, [None, None]),
        (['""', "a"], Kind.STRING, [None, "a"]),
        (['"a,""b""\nc"'], Kind.STRING, ['a,"b"\nc']),
        (['" a "', " a"], Kind.STRING, [" a ", "a"]),
    ],
)
def test_csv_types_are_inferred_by_one_rule(cells: list[str], kind: Kind, expected: list[Any]) -> None:
    """Numbers only if all cells are JSON numbers (no leading zeros), true and false are truths, empty is null."""
    content = "k,v\n" + "".join(f"{row},{cell}\n" for row, cell in enumerate(cells))
    table = read_table("t.csv", content.encode(), "t")
    assert table.types == {"v": Type(kind)}
    assert to_values(table.data.columns["v"]) == expected


def test_declared_types_are_taken_at_their_word() -> None:
    """They keep their unit; `string` keeps the text, `number` reads 007 and +1, in JSON `string` takes numbers."""
    declared = {"a": Type(Kind.STRING), "b": Type(Kind.NUMBER, "percent")}
    table = read_table("t.csv", b"k,a,b\nx,1.10,007\ny,2,+1\n", "t", declared=declared)
    assert table.types == declared
    assert values(table) == {"x": {"a": "1.10", "b": 7.0}, "y": {"a": "2", "b": 1.0}}
    table = read_table("t.json", b'[{"k":"x","a":5},{"k":"y","a":"z"},{"k":"w","a":1.5}]', "t", declared={"a": STRING})
    assert values(table) == {"x": {"a": "5"}, "y": {"a": "z"}, "w": {"a": "1.5"}}
