"""What is wrong with a table's file, as data: the rule loader turns it into diagnostics."""

from __future__ import annotations

from dataclasses import dataclass

from streamwatchd.errors import UnreadableInput

MAX_PROBLEMS = 20


@dataclass(frozen=True, slots=True)
class TableProblem:
    """`message` in the user's words, `line` of the file (from 1) or None where there are none, `hint` a way out."""

    message: str
    line: int | None = None
    hint: str = ""


class TableRefused(UnreadableInput):
    """A table's file can't be used; `problems` has at least one entry and at most `MAX_PROBLEMS`."""

    def __init__(self, *problems: TableProblem) -> None:
        super().__init__("; ".join(problem.message for problem in problems[:3]))
        self.problems = problems[:MAX_PROBLEMS]
