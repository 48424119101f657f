"""What the parts of the checker need of the whole."""

from __future__ import annotations

from typing import Protocol

from streamwatchd.diagnostics import Severity
from streamwatchd.lang import syntax
from streamwatchd.lang.dimensions import Clash
from streamwatchd.lang.scope import Scope
from streamwatchd.lang.typed import Expr, Kind


class Checking(Protocol):
    """Checks sub-expressions and notes problems; None is an expression that has one."""

    def expr(self, node: syntax.Expr, scope: Scope) -> Expr | None: ...

    def of_kind(self, node: syntax.Expr, scope: Scope, kind: Kind, who: str) -> Expr | None: ...

    def expected(self, tree: syntax.Expr, expr: Expr | None, expected: Kind | None) -> Expr | None: ...

    def clash(self, clash: Clash, node: syntax.Node) -> None: ...

    def problem(
        self,
        code: str,
        message: str,
        node: syntax.Node,
        label: str = "",
        hint: str = "",
        severity: Severity = Severity.ERROR,
    ) -> None: ...
