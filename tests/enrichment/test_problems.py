"""All problems at once."""

from __future__ import annotations

from streamwatchd.enrichment.problems import MAX_PROBLEMS
from streamwatchd.lang.typed import NUMBER
from tests.enrichment.files import problems


def test_all_problems_come_at_once_in_order_of_lines_up_to_a_bound() -> None:
    """Keys and every column together."""
    found = problems("t.csv", b"k,v,w\na,x,1\na,1,y\n", declared={"v": NUMBER, "w": NUMBER})
    assert [(problem.line, problem.message) for problem in found] == [
        (2, "`v` is `x`, not a number"),
        (3, "the key `a` stands in line 2 already"),
        (3, "`w` is `y`, not a number"),
    ]
    assert len(problems("t.csv", b"k\n" + b"a\n" * 100)) == MAX_PROBLEMS
