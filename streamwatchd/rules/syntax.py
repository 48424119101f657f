"""Mistakes of YAML itself, told in the words of somebody who writes rules."""

from __future__ import annotations

import re
from dataclasses import replace

import yaml

from streamwatchd.diagnostics import Diagnostic
from streamwatchd.rules import codes
from streamwatchd.rules.document import Document

_VALUE = re.compile(r"^(?P<head>[\s?-]*(?:[^\s:#'\"{\[][^:]*?|\"[^\"]*\"|'[^']*')\s*:\s+|\s*(?:-\s+)+)(?P<value>\S.*)$")
_INDICATORS = {
    ">": "`>` begins a folded text",
    "|": "`|` begins a block of text",
    "%": "`%` begins a directive",
    "@": "`@` is reserved",
    "`": "a back-tick is reserved",
    "!": "`!` begins a tag",
    "&": "`&` begins an anchor",
    "*": "`*` begins an alias",
    "{": "`{` begins a mapping",
    "[": "`[` begins a list",
    "-": "`- ` begins a list item",
    "?": "`? ` begins a key",
    ",": "a comma separates items",
    "]": "`]` ends a list",
    "}": "`}` ends a mapping",
}


def quoted(text: str) -> str:
    """The text as a YAML scalar in quotes, by the lighter of the two styles."""
    if "'" not in text:
        return f"'{text}'"
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def mended(document: Document, problem: Diagnostic) -> Document | None:
    """The document with a value that YAML cuts in quotes, as the hint proposes; None where quotes would not help."""
    if problem.code not in codes.CUTS or problem.span is None:
        return None
    line = document.line(problem.span.line)
    found = _VALUE.match(line)
    if found is None or quoted(found["value"].rstrip()) not in problem.hint:
        return None
    start = document.text_offset(problem.span.line)
    text = document.text[: start + found.start("value")] + quoted(found["value"].rstrip())
    return replace(document, text=text + document.text[start + len(line) :])


def explain(document: Document, error: yaml.YAMLError) -> Diagnostic:
    """The diagnostic for what the YAML scanner or parser refuses."""
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    if mark is None:
        return document.report(codes.SYNTAX, f"this is not YAML: {_first_line(error)}", document.span(0, 0))
    context = getattr(error, "context_mark", None)
    problem = str(getattr(error, "problem", "") or "")
    at = min(mark.index, len(document.text))
    begun = context.index if context is not None else at
    if getattr(error, "context", None) == "while parsing a flow node":  # its mark is where the node is missed
        begun = _opened(document.text[:at])
    return (
        _tab(document, at)
        or _cut_short(document, at, begun, problem)
        or _colon(document, at, problem)
        or _escape(document, at, problem)
        or _in_brackets(document, at, problem)
        or _value_start(document, at, context.index if context is not None else at)
        or _plain_syntax(document, at, error)
    )


def _first_line(error: yaml.YAMLError) -> str:
    problem = getattr(error, "problem", None) or getattr(error, "reason", None) or str(error)
    return " ".join(str(problem).split())


def _line_of(document: Document, at: int) -> tuple[int, str]:
    span = document.span(at, at)
    return at - span.column + 1, document.line(span.line)


def _tab(document: Document, at: int) -> Diagnostic | None:
    start, line = _line_of(document, at)
    indentation = line[: len(line) - len(line.lstrip())]
    if "\t" not in indentation:
        return None
    place = start + indentation.index("\t")
    return document.report(
        codes.TAB, "a tab in the indentation", document.span(place, place + 1), hint="YAML indents by spaces only"
    )


def _opened(text: str) -> int:
    """Where the innermost bracket begins that is open at the end; the end where none is."""
    closed = 0
    for place in range(len(text) - 1, -1, -1):
        closed += (text[place] in "]}") - (text[place] in "[{")
        if closed < 0:
            return place
    return len(text)


def _cut_short(document: Document, at: int, context: int, problem: str) -> Diagnostic | None:
    if document.text[at:].strip() or context >= at:
        return None
    opener = document.text[context : context + 1]
    if "end of stream" not in problem and opener not in "[{\"'":
        return None
    what = {"[": "list", "{": "mapping"}.get(opener, "quoted text")
    return document.report(
        codes.CUT_SHORT,
        f"the file ends in the middle of a {what}",
        document.span(context, context + 1),
        label="begins here",
        hint="close it, or finish writing the file (write to a temporary name, then rename)",
    )


def _colon(document: Document, at: int, problem: str) -> Diagnostic | None:
    if problem != "mapping values are not allowed in this context":
        return None
    start, line = _line_of(document, at)
    found = _VALUE.match(line)
    if found is None or start + found.start("value") >= at:
        return document.report(
            codes.SYNTAX,
            "a key where none can stand",
            document.span(at, at + 1),
            hint="check the indentation: keys of one mapping stand in one column, below or beside their list dash",
        )
    if found["value"][0] in "\"'":
        return None
    return document.report(
        codes.COLON_CUT,
        "YAML reads this `: ` as the end of a key",
        document.span(at, at + 1),
        hint=f"quote the whole value: {quoted(found['value'].rstrip())}",
    )


def _escape(document: Document, at: int, problem: str) -> Diagnostic | None:
    if "escape" not in problem:
        return None
    return document.report(
        codes.SYNTAX,
        "a backslash that YAML does not know, in double quotes",
        document.span(at, at + 2),
        hint="use single quotes, where a backslash is itself, or write it twice",
    )


def _in_brackets(document: Document, at: int, problem: str) -> Diagnostic | None:
    """Something in `{…}` or `[…]` that is not closed or parted as it must be."""
    if "expected ',' or" not in problem:
        return None
    span = document.span(at, at + 1)
    if document.text[at : at + 1] == ":":
        message, hint = "YAML reads this `: ` as the end of a key", "quote the value that it stands in"
        return document.report(codes.COLON_CUT, message, span, hint=hint)
    closing = "]" if "']'" in problem else "}"
    hint = f"part items by commas, close with `{closing}`, and quote values with commas or brackets in them"
    return document.report(codes.SYNTAX, f"a comma or `{closing}` is missing before this", span, hint=hint)


def _value_start(document: Document, at: int, context: int) -> Diagnostic | None:
    for place in (at, context):
        start, line = _line_of(document, place)
        found = _VALUE.match(line)
        if found is None or start + found.start("value") > place:
            continue
        value = found["value"].rstrip()
        span = document.span(start + found.start("value"), start + found.start("value") + 1)
        if value[0] in "\"'":
            return document.report(
                codes.QUOTED_PART,
                "the value starts with a quoted part, so YAML ends it at the closing quote",
                span,
                hint=f"quote the whole value: {quoted(value)}",
            )
        if value[0] in _INDICATORS and place == at:
            return document.report(
                codes.LEADING_INDICATOR,
                f"{_INDICATORS[value[0]]} in YAML, so the value can't start with it",
                span,
                hint=f"quote the whole value: {quoted(value)}",
            )
    return None


def _plain_syntax(document: Document, at: int, error: yaml.YAMLError) -> Diagnostic:
    context = getattr(error, "context", None)
    message = f"this is not YAML: {_first_line(error)}" + (f", {context}" if context else "")
    hint = "check the indentation and the quotes of this line and of the one above"
    return document.report(codes.SYNTAX, message, document.span(at, at + 1), hint=hint)
