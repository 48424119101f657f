"""Problems."""

from __future__ import annotations

from streamwatchd.lang.problem import Problem


def test_a_problem_moves_with_its_text() -> None:
    """A placeholder's problem has its place in the whole message."""
    problem = Problem("SW201", "m", 2, 5, "l", "h")
    assert problem.shifted(10) == Problem("SW201", "m", 12, 15, "l", "h")
    assert problem.is_error
