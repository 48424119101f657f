"""`params:` of a file and of its rules: constants by name."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import replace

from streamwatchd.diagnostics import Diagnostic
from streamwatchd.lang import checker, syntax
from streamwatchd.lang.problem import Problem
from streamwatchd.lang.scope import Scope, Undeclared
from streamwatchd.lang.typed import STRING, Kind, Literal
from streamwatchd.rules import codes
from streamwatchd.rules.document import Node, Scalar
from streamwatchd.rules.drafts import RuleDraft
from streamwatchd.rules.expressions import FUNCTIONS, parsed
from streamwatchd.rules.form import Findings
from streamwatchd.rules.streams import Place

Constants = tuple[tuple[str, Literal], ...]

_WRONG_KIND = "SW207"
_NOTHING = Scope(undeclared=Undeclared.CLOSED)


def constants_of(draft: RuleDraft, place: Place, findings: Findings) -> Constants:
    """The rule's own and its file's, in name order; what is none, or has the name of something else, is a finding."""
    return tuple(sorted(_constants(params_of(draft), place, findings)))


def params_of(draft: RuleDraft) -> dict[str, tuple[Scalar, Node]]:
    """All that is written, by name: what stands nearest to the rule."""
    written: dict[str, tuple[Scalar, Node]] = {}
    for record in (draft.defaults, draft.body):
        written |= {key.text: (key, node) for key, node in record.entries("params")}
    return written


def with_quotes_told(problems: Iterable[Diagnostic], draft: RuleDraft) -> Iterator[Diagnostic]:
    """Where a number is missed and a parameter is one but for its quotes, that is what is wrong."""
    quoted = {name: node for name, (_, node) in params_of(draft).items() if _is_quoted_number(node)}
    for each in problems:
        name = next((name for name in quoted if re.search(rf"\b{name}\b", each.source_line)), "")
        if name and each.code == _WRONG_KIND and not each.hint:
            hint = f"`{name}` is a text because of its quotes, at {quoted[name].span}: take them away"
            each = replace(each, hint=hint)
        yield each


def _is_quoted_number(node: Node) -> bool:
    if not isinstance(node, Scalar) or not node.style:
        return False
    found = _constant(replace(node, style=""))
    return found is not None and found.type.kind is Kind.NUMBER


def _constants(
    written: dict[str, tuple[Scalar, Node]], place: Place, findings: Findings
) -> Iterator[tuple[str, Literal]]:
    for name, (key, node) in written.items():
        if not isinstance(node, Scalar):
            continue
        if name in place.scope.names:
            message = f"`{name}` is a field of `{place.scope.source}`, and can't be a parameter too"
            findings.add(codes.NAME_TAKEN, message, key.span, hint="choose another name")
            continue
        constant = _constant(node)
        if constant is None:
            message = f"`{node.text}` is no constant"
            hint = "write a number, with its unit if it has one, or a text in quotes"
            findings.add(codes.WRONG_TYPE, message, node.span, hint=hint)
        else:
            yield name, constant


def _constant(node: Scalar) -> Literal | None:
    """A number as in a condition; anything else that is one word, or stands in quotes, is a text."""
    tree = parsed(node.text)
    if node.style or isinstance(tree, Problem | syntax.Name):
        return Literal(node.text, STRING)
    found = checker.check(tree, _NOTHING, None, FUNCTIONS).expr
    return found if isinstance(found, Literal) and found.value is not None else None
