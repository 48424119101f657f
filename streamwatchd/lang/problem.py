"""What is wrong with an expression, placed by offsets into its text; `rules/` turns it into a `Diagnostic`."""

from __future__ import annotations

from dataclasses import dataclass

from streamwatchd.diagnostics import Severity


@dataclass(frozen=True, slots=True)
class Problem:
    """One finding; `code` is one of lang/codes.py. `start` and `end` are offsets into the text, `end` exclusive.

    `message`, `label` and `hint` are as in `Diagnostic`.
    """

    code: str
    message: str
    start: int
    end: int
    label: str = ""
    hint: str = ""
    severity: Severity = Severity.ERROR

    @property
    def is_error(self) -> bool:
        return self.severity is Severity.ERROR

    def shifted(self, by: int) -> Problem:
        """The same finding in a text that has `by` characters before this one."""
        moved = (self.start + by, self.end + by)
        return Problem(self.code, self.message, *moved, self.label, self.hint, self.severity)


class SyntaxFailure(Exception):
    """Carries a problem out of the depth of the parser; never leaves `lang`."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem
