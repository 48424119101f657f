"""From a scalar that holds rule language to its typed tree, problems placed in the file."""

from __future__ import annotations

import re
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field, replace
from functools import lru_cache

from streamwatchd import functions
from streamwatchd.diagnostics import Diagnostic
from streamwatchd.lang import checked, checker, parser, signatures, syntax, template
from streamwatchd.lang.problem import Problem
from streamwatchd.lang.typed import Expr, Kind, Template
from streamwatchd.rules import codes
from streamwatchd.rules.document import Scalar
from streamwatchd.rules.form import Findings
from streamwatchd.rules.streams import Place
from streamwatchd.rules.syntax import quoted

FUNCTIONS = functions.signatures()

_COMMENT = re.compile(r"[ \t]+#.*")
_CLAUSE = re.compile(r"#\s*((and|or|for|until|where|over)\b|[<>=!]=|[<>+*/])", re.IGNORECASE)
_WORD_AT_HASH = re.compile(r"#\S|.*\{[^}]*\}")
_HEADER = re.compile(r"[>|][1-9]")


@lru_cache(maxsize=65_536)
def parsed(text: str) -> syntax.Expr | Problem:
    return parser.parse(text)


@lru_cache(maxsize=65_536)
def parsed_condition(text: str) -> syntax.Condition | Problem:
    return parser.parse_condition(text)


def has_aggregate(tree: syntax.Expr | syntax.Condition | Problem) -> bool:
    """Whether an aggregate is called anywhere; a call with `over`, `ago`, `where` or `by` is meant as one."""
    return not isinstance(tree, Problem) and any(
        _is_aggregate(node) for node in syntax.walk(tree) if isinstance(node, syntax.Call)
    )


def _is_aggregate(call: syntax.Call) -> bool:
    signature = signatures.find(call.function, FUNCTIONS)
    if signature is None:
        return call.has_clauses or (call.function in signatures.OTHER_WORDS and call.function != "if")
    return signature.aggregate


@lru_cache(maxsize=65_536)
def _check(text: str, place: Place, expected: Kind | None) -> checked.Checked:
    tree = parsed(text)
    return (
        checked.Checked((tree,)) if isinstance(tree, Problem) else checker.check(tree, place.scope, expected, FUNCTIONS)
    )


@lru_cache(maxsize=65_536)
def _check_condition(text: str, place: Place) -> checked.CheckedCondition:
    tree = parsed_condition(text)
    if isinstance(tree, Problem):
        return checked.CheckedCondition((tree,))
    return checker.check_condition(tree, place.scope, FUNCTIONS)


@lru_cache(maxsize=65_536)
def _check_template(text: str, place: Place) -> checked.CheckedTemplate:
    return template.check_template(text, place.scope, FUNCTIONS)


@dataclass(slots=True)
class Language:
    """Checks the scalars of one rule, and gathers the undeclared fields that they read.

    `guessed` are the undeclared fields that some expression could not tell the kind of, and took for text. `broken` are
    values that do not check: what their unknown type and unit bring about elsewhere is not reported.
    """

    findings: Findings
    infers: dict[str, tuple[Kind | None, Scalar]] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    guessed: set[str] = field(default_factory=set)

    def expression(self, scalar: Scalar, place: Place, expected: Kind | None = None) -> Expr | None:
        """None when it does not check."""
        if self._swallowed(scalar):
            return None
        outcome = _check(scalar.text, place, expected)
        self._outcome(scalar, self._without_echoes(outcome, parsed(scalar.text)))
        return outcome.expr

    def guess(self, scalar: Scalar, place: Place) -> str:
        """The undeclared field whose kind an expression has where nothing tells that; what uses it does."""
        return _check(scalar.text, place, None).guess

    def condition(self, scalar: Scalar, place: Place) -> checked.CheckedCondition | None:
        """None when it does not check."""
        if self._swallowed(scalar):
            return None
        outcome = _check_condition(scalar.text, place)
        self._outcome(scalar, self._without_echoes(outcome, parsed_condition(scalar.text)))
        return None if outcome.failed else outcome

    def message(self, scalar: Scalar, place: Place) -> Template | None:
        """None when it does not check."""
        if self._swallowed(scalar):
            return None
        outcome = _check_template(scalar.text, place)
        self._outcome(scalar, outcome, is_message=True)
        return outcome.template

    def legible(self, scalar: Scalar, what: str = "") -> None:
        """Tell what is wrong with a text whatever its names mean; `what` is that of its form (`fields.Expression`)."""
        if self._swallowed(scalar):
            return
        is_message = what == "a message"
        if is_message:
            problems = template.unreadable(scalar.text)
        else:
            tree = parsed_condition(scalar.text) if what == "a condition" else parsed(scalar.text)
            problems = (tree,) if isinstance(tree, Problem) else ()
        self._outcome(scalar, checked.Checked(problems), is_message)

    def uses(self, name: str, kind: Kind | None, scalar: Scalar) -> None:
        """Note an undeclared field."""
        if kind is None:
            self.guessed.add(name)
        known = self.infers.get(name)
        if known is None or known[0] is None:
            self.infers[name] = (kind, scalar)
        elif kind is not None and known[0] is not kind:
            self.findings.problems.append(conflict(name, (kind, scalar), known, self.findings))

    def _without_echoes(
        self, outcome: checked.Outcome, tree: syntax.Expr | syntax.Condition | Problem
    ) -> checked.Outcome:
        """Without the problems of expressions in which a broken value stands."""
        if not self.broken or isinstance(tree, Problem):
            return outcome
        names = [node for node in syntax.walk(tree) if isinstance(node, syntax.Name) and node.name in self.broken]
        problems = tuple(
            problem
            for problem in outcome.problems
            if not any(problem.start <= name.start and name.end <= problem.end for name in names)
        )
        return replace(outcome, problems=problems)

    def _outcome(self, scalar: Scalar, outcome: checked.Outcome, is_message: bool = False) -> None:
        cut = self._cut(scalar, outcome.problems, is_message)
        if not cut:
            for problem in outcome.problems:
                self.findings.problems.append(placed(problem, scalar, self.findings))
        for name, kind in outcome.infers.items():
            self.uses(name, kind, scalar)

    def _swallowed(self, scalar: Scalar) -> bool:
        """A leading `>` or `|` that made the text a folded one: `when: >5`."""
        document = self.findings.document.of(scalar.span)
        raw = document.text[scalar.start : scalar.start + 2]
        if scalar.style not in (">", "|") or not (_HEADER.match(raw) or not scalar.text.strip()):
            return False
        line = document.text[scalar.start : document.line_end(scalar.start)].rstrip()
        span = document.span(scalar.start, scalar.start + 1)
        message = f"`{raw[0]}` begins a block of text in YAML, so the value can't start with it"
        self.findings.add(codes.LEADING_INDICATOR, message, span, hint=f"quote the whole value: {quoted(line)}")
        return True

    def _cut(self, scalar: Scalar, problems: tuple[Problem, ...], is_message: bool) -> bool:
        """Whether ` #` cut the text in the middle; a tail that only looks like more of it is a warning."""
        tail = _tail(self.findings, scalar)
        if not tail:
            return False
        document = self.findings.document.of(scalar.span)
        hash_at = document.text.index("#", scalar.end)
        span = document.span(hash_at, hash_at + len(tail.lstrip()))
        whole = quoted(scalar.text + tail)
        if any(problem.is_error and problem.end >= len(scalar.text) for problem in problems):
            message = "YAML takes ` #` for a comment, and what is left is cut off in the middle"
            self.findings.add(codes.HASH_CUT, message, span, hint=f"quote the whole value: {whole}")
            return True
        suspicious = _WORD_AT_HASH if is_message else _CLAUSE
        if suspicious.match(tail.lstrip()):
            hint = f"if it belongs to the value, quote the whole: {whole}; if not, put the comment on a line of its own"
            self.findings.warn(codes.HASH_CUT, "YAML takes ` #` for a comment", span, hint=hint)
        return False


def _tail(findings: Findings, scalar: Scalar) -> str:
    if scalar.style:
        return ""
    document = findings.document.of(scalar.span)
    found = _COMMENT.match(document.text, scalar.end, document.line_end(scalar.end))
    return found[0].rstrip() if found else ""


def placed(problem: Problem, scalar: Scalar, findings: Findings) -> Diagnostic:
    """A problem of the text as a diagnostic of the file."""
    span = findings.document.within(scalar, problem.start, problem.end)
    return findings.document.report(
        problem.code,
        problem.message,
        span,
        label=problem.label,
        hint=problem.hint,
        rule=findings.rule,
        severity=problem.severity,
    )


KIND_WORDS: MappingOf[Kind, str] = {Kind.NUMBER: "a number", Kind.STRING: "a text", Kind.BOOL: "a truth value"}


def conflict(
    name: str, here: tuple[Kind | None, Scalar], there: tuple[Kind | None, Scalar], findings: Findings
) -> Diagnostic:
    """An undeclared field that is one kind here and another there."""
    kinds = {kind: KIND_WORDS[kind] for kind in Kind}
    first, second = there[0] or Kind.STRING, here[0] or Kind.STRING
    return findings.document.report(
        codes.FIELD_CONFLICT,
        f"`{name}` is used as {kinds[second]} here, and as {kinds[first]} at {there[1].span}",
        here[1].span,
        hint=f"declare it under `fields:` of its source: `{name}: {{type: …}}`",
        rule=findings.rule,
    )
