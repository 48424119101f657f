"""Tree as written + scope → typed tree, with every problem of the expression.

A node that has a problem is None, and whatever depends on it stays silent. Undeclared fields get their kinds from
`Inference` first, so that checking itself runs once, top-down.
"""

# Noting a problem gives None, the value of a node that has one: `return self.problem(…)`.
# mypy: disable-error-code="func-returns-value"

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import cast

from streamwatchd.diagnostics import Severity
from streamwatchd.lang import dimensions, fold, names, syntax, units
from streamwatchd.lang.calls import Calls
from streamwatchd.lang.checked import Checked, CheckedCondition
from streamwatchd.lang.comparisons import Comparisons
from streamwatchd.lang.dimensions import Clash
from streamwatchd.lang.infer import KIND_WORDS, Inference
from streamwatchd.lang.parser import parse, parse_condition
from streamwatchd.lang.problem import Problem
from streamwatchd.lang.scope import Ambiguous, Scope
from streamwatchd.lang.signatures import AGGREGATES, Signature
from streamwatchd.lang.typed import BOOL, STRING, Expr, Field, IsNull, Kind, Literal, Type


def check(
    source: str | syntax.Expr,
    scope: Scope,
    expected: Kind | None = None,
    functions: Mapping[str, Signature] = AGGREGATES,
) -> Checked:
    """Check one expression. `expected` is the kind its place needs (BOOL for a condition), None for any.

    `functions` are all functions that may be called; streamwatchd/functions gives them with the scalar ones.
    """
    tree = parse(source) if isinstance(source, str) else source
    if isinstance(tree, Problem):
        return Checked((tree,))
    checker = Checker(functions)
    expr = checker.whole(tree, scope, expected)
    problems = checker.report()
    failed = any(problem.is_error for problem in problems)
    return Checked(problems, checker.infers, expr=None if failed else expr, guess=checker.guess)


def check_condition(
    source: str | syntax.Condition, scope: Scope, functions: Mapping[str, Signature] = AGGREGATES
) -> CheckedCondition:
    """Check `C for D until C for D`."""
    tree = parse_condition(source) if isinstance(source, str) else source
    if isinstance(tree, Problem):
        return CheckedCondition((tree,))
    checker = Checker(functions)
    if tree.until is not None:
        checker.infer(tree.until, scope, Kind.BOOL)
    when = checker.whole(tree.when, scope, Kind.BOOL)
    until = checker.whole(tree.until, scope, Kind.BOOL) if tree.until is not None else None
    for_ms = checker.calls.duration(tree.hold, "for", zero=True)
    until_for_ms = checker.calls.duration(tree.until_hold, "for", zero=True)
    problems = checker.report()
    if any(problem.is_error for problem in problems):
        return CheckedCondition(problems, checker.infers)
    return CheckedCondition(
        problems, checker.infers, when=when, for_ms=for_ms or 0, until=until, until_for_ms=until_for_ms or 0
    )


class Checker:
    """Checks expressions of one place; collects problems and inferred kinds over all of them."""

    def __init__(self, functions: Mapping[str, Signature]) -> None:
        self._problems: list[Problem] = []
        self._inference = Inference(functions)
        self.guess = ""
        """The undeclared field whose kind the last expression has, where nothing tells that."""
        self._met: set[str] = set()
        self._misspelt: set[str] = set()
        self._comparisons = Comparisons(self)
        self.calls = Calls(functions, self)

    @property
    def infers(self) -> dict[str, Kind | None]:
        return self._inference.kinds

    def report(self) -> tuple[Problem, ...]:
        """All problems in order of place, each once."""
        found = dict.fromkeys(self._inference.problems + self._problems)
        return tuple(sorted(found, key=lambda problem: (problem.start, problem.end, problem.code)))

    def infer(self, tree: syntax.Expr, scope: Scope, expected: Kind | None) -> None:
        if expected is None:
            self.guess = self._inference.field_of(self._inference.visit(tree, scope))
        else:
            self._inference.require(tree, scope, expected)

    def whole(self, tree: syntax.Expr, scope: Scope, expected: Kind | None) -> Expr | None:
        """A whole expression, or a whole `where`, that must be of a kind."""
        self.infer(tree, scope, expected)
        return self.expected(tree, self.expr(tree, scope), expected)

    def expected(self, tree: syntax.Expr, expr: Expr | None, expected: Kind | None) -> Expr | None:
        if expr is None or expected is None or expr.type.kind is expected:
            if expected is Kind.BOOL and isinstance(expr, Literal):
                message = f"this is always {str(expr.value).lower()}"
                self.problem("SW223", message, tree, hint="compare a field or a value", severity=Severity.WARNING)
            return expr
        example = "… > 85%" if expr.type.kind is Kind.NUMBER else '… == "x"'
        hint = f"compare it, for example `{example}`" if expected is Kind.BOOL else ""
        message = f"this must be {KIND_WORDS[expected]}, but is {KIND_WORDS[expr.type.kind]}"
        return self.problem("SW208", message, tree, hint=hint)

    def problem(
        self,
        code: str,
        message: str,
        node: syntax.Node,
        label: str = "",
        hint: str = "",
        severity: Severity = Severity.ERROR,
    ) -> None:
        """Note a finding; returns None, the node that has a problem."""
        self._problems.append(Problem(code, message, node.start, node.end, label, hint, severity))

    def expr(self, node: syntax.Expr, scope: Scope) -> Expr | None:
        match node:
            case syntax.Number():
                return self._number(node)
            case syntax.String(value):
                return Literal(value, STRING)
            case syntax.Constant(None):
                hint = "write `x is null` or `x is not null`"
                return self.problem("SW211", "`null` equals nothing, not even itself", node, hint=hint)
            case syntax.Constant(value):
                return Literal(value, BOOL)
            case syntax.Name():
                return self._name(node, scope)
            case syntax.Negate(arg):
                number = self.of_kind(arg, scope, Kind.NUMBER, "`-`")
                return number and fold.negate(number)
            case syntax.Binary(op) if op in syntax.COMPARISONS:
                return self._comparisons.compare(node, scope)
            case syntax.Binary():
                return self._arithmetic(node, scope)
            case syntax.Call():
                return self.calls.call(node, scope)
            case _:
                return self._predicate(node, scope)

    def _predicate(
        self, node: syntax.Match | syntax.In | syntax.IsNull | syntax.Not | syntax.And | syntax.Or, scope: Scope
    ) -> Expr | None:
        match node:
            case syntax.Match():
                return self._comparisons.match(node, scope)
            case syntax.In():
                return self._comparisons.is_in(node, scope)
            case syntax.IsNull(arg, negated):
                expr = self.expr(arg, scope)
                return expr and (fold.negation(IsNull(expr)) if negated else IsNull(expr))
            case syntax.Not(arg):
                expr = self.of_kind(arg, scope, Kind.BOOL, "`not`")
                return expr and fold.negation(expr)
            case syntax.And(args):
                parts = [self.of_kind(arg, scope, Kind.BOOL, "`and`") for arg in args]
                return None if None in parts else fold.conjunction(tuple(cast(list[Expr], parts)))
            case syntax.Or(args):
                parts = [self.of_kind(arg, scope, Kind.BOOL, "`or`") for arg in args]
                return None if None in parts else fold.disjunction(tuple(cast(list[Expr], parts)))

    def of_kind(self, node: syntax.Expr, scope: Scope, kind: Kind, who: str) -> Expr | None:
        expr = self.expr(node, scope)
        if expr is None or expr.type.kind is kind:
            return expr
        hint = ""
        if kind is Kind.BOOL and isinstance(node, syntax.String | syntax.Name):
            hint = "compare both sides: `service == a or service == b`, or `service in (a, b)`"
        message = f"{who} needs {KIND_WORDS[kind]}, but this is {KIND_WORDS[expr.type.kind]}"
        return self.problem("SW207", message, node, hint=hint)

    def _number(self, node: syntax.Number) -> Expr | None:
        quantity = units.read_number(node.text)
        if quantity is None:
            word = node.text.lstrip("0123456789._")
            hint = f'{units.suggest(word)} For a text write quotes, `"{node.text}"`'.strip()
            return self.problem("SW108", f"`{word}` is no unit", node, hint=hint)
        if not math.isfinite(quantity.value):
            return self.problem("SW108", f"`{node.text}` is too large a number", node)
        return Literal(quantity.value, Type(Kind.NUMBER, quantity.unit))

    def _name(self, node: syntax.Name, scope: Scope) -> Expr | None:
        meaning = names.resolve(node.name, scope)
        match meaning:
            case None:
                self._problems.append(names.unknown(node, scope))
                return None
            case Ambiguous():
                self._problems.append(names.ambiguous(node, meaning))
                return None
            case names.Free():
                return self._free(node, meaning, scope)
        return meaning

    def _free(self, node: syntax.Name, free: names.Free, scope: Scope) -> Expr | None:
        key = names.free_key(free)
        kind = free.type.kind if free.type else self._inference.kinds.get(key)
        if key not in self._met:
            self._met.add(key)
            if problem := names.undeclared(node, free, scope):
                self._problems.append(problem)
                if problem.is_error:
                    self._misspelt.add(key)
            elif kind is None and key not in self._inference.conflicts:
                message = f"nothing tells whether `{key}` is a number or text, so it is read as text"
                hint = f"declare it: `fields: {{{free.field}: {{type: string}}}}`"
                self.problem("SW226", message, node, "type unknown", hint, Severity.WARNING)
        if key in self._inference.conflicts or key in self._misspelt:
            return None  # what it would say of its unit or kind is an echo
        return Field(free.field, free.type or Type(kind or Kind.STRING), free.stream)

    def clash(self, clash: Clash, node: syntax.Node) -> None:
        return self.problem(clash.code, clash.message, node, hint=clash.hint)

    def _arithmetic(self, node: syntax.Binary, scope: Scope) -> Expr | None:
        left = self.of_kind(node.left, scope, Kind.NUMBER, f"`{node.op}`")
        right = self.of_kind(node.right, scope, Kind.NUMBER, f"`{node.op}`")
        if left is None or right is None:
            return None
        if node.op in "/%" and isinstance(right, Literal) and right.value == 0:
            return self.problem("SW222", "this divides by zero", node, hint="divide by something else")
        match node.op:
            case "*":
                return dimensions.product(left, right)
            case "/":
                return dimensions.quotient(left, right)
        combined = dimensions.additive(cast(fold.ArithmeticOp, node.op), left, right)
        return self.clash(combined, node) if isinstance(combined, Clash) else combined
