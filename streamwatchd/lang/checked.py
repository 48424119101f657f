"""What checking an expression gives back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from streamwatchd.lang.problem import Problem
from streamwatchd.lang.typed import Expr, Kind, Template


@dataclass(frozen=True, slots=True)
class Outcome:
    """`problems` in order of place. `infers` are the undeclared fields read, with the kind their uses here give.

    The kind is None where nothing tells it; a field of a join is named `stream.field`. Fields with conflicting uses
    are left out.
    """

    problems: tuple[Problem, ...] = ()
    infers: Mapping[str, Kind | None] = field(default_factory=dict)

    @property
    def failed(self) -> bool:
        return any(problem.is_error for problem in self.problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class Checked(Outcome):
    """`expr` is None exactly when `failed`. `guess` is the undeclared field whose kind it has, untold."""

    expr: Expr | None = None
    guess: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedCondition(Outcome):
    """`when for for_ms until until until_for_ms`; `when` is None exactly when `failed`."""

    when: Expr | None = None
    for_ms: int = 0
    until: Expr | None = None
    until_for_ms: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class CheckedTemplate(Outcome):
    """`template` is None exactly when `failed`."""

    template: Template | None = None
