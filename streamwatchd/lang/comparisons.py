"""Comparisons, `in (…)` and `~`: where bare words are texts and constants take the unit of the other side."""

# Noting a problem gives None, the value of a node that has one: `return self._checker.problem(…)`.
# mypy: disable-error-code="func-returns-value"

from __future__ import annotations

from typing import cast

from streamwatchd.diagnostics import Severity, did_you_mean
from streamwatchd.lang import dimensions, fold, names, regex, syntax
from streamwatchd.lang.checking import Checking
from streamwatchd.lang.dimensions import Clash
from streamwatchd.lang.infer import KIND_WORDS
from streamwatchd.lang.printer import print_expr
from streamwatchd.lang.scope import Scope
from streamwatchd.lang.typed import STRING, Aggregate, Expr, Field, Kind, Literal, Match


class Comparisons:
    """The part of the checker that knows tests of values."""

    def __init__(self, checker: Checking) -> None:
        self._checker = checker

    def _operand(self, node: syntax.Expr, scope: Scope) -> Expr | None:
        """The right side of a comparison, where a bare word is a string."""
        if names.is_bare_word(node, scope):
            assert isinstance(node, syntax.Name)
            return Literal(node.name, STRING)
        return self._checker.expr(node, scope)

    def compare(self, node: syntax.Binary, scope: Scope) -> Expr | None:
        if node.op in ("==", "!=") and self._dashed(node.right, scope):
            return None
        left, right = self._checker.expr(node.left, scope), self._operand(node.right, scope)
        if left is None or right is None:
            return None
        op = cast(fold.CompareOp, node.op)
        if left.type.kind is not right.type.kind:
            return self._mismatch(node, left, right, scope)
        if left.type.kind is Kind.NUMBER:
            pair = dimensions.alike(left, right)
            if isinstance(pair, Clash):
                return self._checker.clash(pair, node)
            self._whole_ratio(node, left, right)
            left, right = pair
        elif op not in ("==", "!="):
            hint = "use `==`, `!=`, `in (…)` or `~`"
            message = f"`{op}` orders numbers, and this is {KIND_WORDS[left.type.kind]}"
            return self._checker.problem("SW207", message, node, hint=hint)
        return fold.compare(op, left, right)

    def _dashed(self, node: syntax.Expr, scope: Scope) -> bool:
        """Whether this is text such as `core-1` without its quotes, which reads as a subtraction."""
        match node:
            case syntax.Binary("-" | "/" as op, syntax.Name() as left, right) if names.is_bare_word(left, scope):
                if right.start - left.end == 1:
                    text = print_expr(left) + op + print_expr(right)
                    hint = f'for a text write quotes, `"{text}"`; to compute, put spaces around `{op}`'
                    self._checker.problem("SW227", f"`{text}` reads as `{print_expr(node)}`", node, "not a text", hint)
                    return True
        return False

    def _whole_ratio(self, node: syntax.Binary, left: Expr, right: Expr) -> None:
        """Warn of `error_rate > 5` where `> 5%` is meant."""
        for one, other, written in ((left, right, node.right), (right, left, node.left)):
            if one.type.unit == "ratio" and isinstance(one, Field | Aggregate) and not other.type.unit:
                match other:
                    case Literal(float(value)) if value > 1:
                        message = f"this compares a ratio with {value:g}, which is {value * 100:g}%"
                        hint = f"write `{value:g}%` if that is meant"
                        self._checker.problem("SW224", message, written, hint=hint, severity=Severity.WARNING)

    def _mismatch(self, node: syntax.Binary, left: Expr, right: Expr, scope: Scope) -> None:
        kinds = f"{KIND_WORDS[left.type.kind]} with {KIND_WORDS[right.type.kind]}"
        label, hint = f"{KIND_WORDS[left.type.kind]} {node.op} {KIND_WORDS[right.type.kind]}", ""
        if names.is_bare_word(node.right, scope):
            assert isinstance(node.right, syntax.Name)
            word = node.right.name
            label = f"`{word}` is read as text: nothing here has that name"
            hint = did_you_mean(word, [name for name in scope.names if name != "time"])
        elif isinstance(right, Literal) and isinstance(right.value, str):
            hint = f"write the number without quotes: `{right.value}`" if _is_number(right.value) else ""
        elif left.type.kind is Kind.STRING and isinstance(node.right, syntax.Number):
            hint = f'write the text in quotes: `"{node.right.text}"`, or declare the field as a number'
        elif left.type.kind is Kind.STRING and isinstance(node.right, syntax.Constant):
            hint = f'write the text in quotes: `"{print_expr(node.right)}"`'
        self._checker.problem("SW207", f"this compares {kinds}", node, label, hint)

    def match(self, node: syntax.Match, scope: Scope) -> Expr | None:
        arg = self._checker.of_kind(node.arg, scope, Kind.STRING, "`~`")
        if not isinstance(node.pattern, syntax.String):
            word = node.pattern.name if isinstance(node.pattern, syntax.Name) else "core.*"
            hint = f'write it in quotes: `~ "{word}"`'
            return self._checker.problem("SW212", "the pattern of `~` must be a quoted text", node.pattern, hint=hint)
        pattern = node.pattern.value
        if fault := regex.fault(pattern):
            hint = "put a `\\` before a character that stands for itself"
            return self._checker.problem("SW212", f"not a regular expression: {fault}", node.pattern, hint=hint)
        if regex.explodes(pattern):
            message = "this regular expression can take exponential time"
            hint = "take one of the two repeats away: `(a+)+` finds what `a+` finds"
            return self._checker.problem("SW213", message, node.pattern, "a repeat within a repeat", hint)
        return arg and Match(arg, pattern)

    def is_in(self, node: syntax.In, scope: Scope) -> Expr | None:
        arg = self._checker.expr(node.arg, scope)
        found: list[Literal] = []
        for choice in node.choices:
            literal = self._choice(choice, arg, scope)
            if literal is not None:
                found.append(literal)
        if arg is None or len(found) < len(node.choices):
            return None
        expr = fold.choice(arg, tuple(found))
        return fold.negation(expr) if node.negated else expr

    def _choice(self, node: syntax.Expr, arg: Expr | None, scope: Scope) -> Literal | None:
        literal = None if self._dashed(node, scope) else self._operand(node, scope)
        if literal is None or arg is None:
            return None
        if not isinstance(literal, Literal):
            hint = "compare with `==` and join with `or`"
            return self._checker.problem("SW214", "`in (…)` takes constants only", node, hint=hint)
        if literal.type.kind is not arg.type.kind:
            message = f"this is {KIND_WORDS[literal.type.kind]}, but left of `in` stands {KIND_WORDS[arg.type.kind]}"
            return self._checker.problem("SW214", message, node)
        if arg.type.kind is not Kind.NUMBER:
            return literal
        pair = dimensions.alike(arg, literal)
        if isinstance(pair, Clash):
            return self._checker.clash(pair, node)
        assert isinstance(pair[1], Literal)
        return pair[1]


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True
