"""Diagnostics as data: a stable code, a place, what is wrong in the user's words, and a way out."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, order=True)
class Span:
    """A place in a file; lines and columns count from 1, `end_column` is the first column after it."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding.

    `message` says what is wrong in the user's words (names in back-ticks, no full stop), `label` stands beside the
    carets, `hint` is a way out that can be typed, `rule` names the rule it belongs to, `source_line` is the text of
    the line at `span` so that rendering needs no file.
    """

    code: str
    message: str
    span: Span | None = None
    label: str = ""
    hint: str = ""
    rule: str = ""
    severity: Severity = Severity.ERROR
    source_line: str = ""

    @property
    def is_error(self) -> bool:
        return self.severity is Severity.ERROR


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`did you mean `x`?` for the closest known word, or the empty string."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"did you mean `{close[0]}`?" if close else ""


def render(diagnostic: Diagnostic) -> str:
    """The form people read: code, message, place, the line with carets, the way out."""
    head = f"{diagnostic.severity}[{diagnostic.code}]: {diagnostic.message}"
    lines = [head]
    span = diagnostic.span
    if span is not None:
        rule = f" (rule {diagnostic.rule})" if diagnostic.rule else ""
        lines.append(f"  --> {span}{rule}")
        if diagnostic.source_line:
            lines.extend(_carets(diagnostic, span))
    if diagnostic.hint:
        lines.append(f"   = hint: {diagnostic.hint}")
    return "\n".join(lines)


def _carets(diagnostic: Diagnostic, span: Span) -> list[str]:
    text = diagnostic.source_line.rstrip("\n").replace("\t", " ")
    gutter = f"{span.line} | "
    last = span.end_column if span.end_line == span.line else len(text) + 1
    width = max(1, last - span.column)
    label = f" {diagnostic.label}" if diagnostic.label else ""
    return [gutter + text, " " * (len(gutter) - 2) + "| " + " " * (span.column - 1) + "^" * width + label]


def as_json(diagnostic: Diagnostic) -> dict[str, str | int | None]:
    """One flat object for machines; `line` to `end_column` are null where there is no place."""
    span = diagnostic.span
    return {
        "code": diagnostic.code,
        "severity": str(diagnostic.severity),
        "message": diagnostic.message,
        "hint": diagnostic.hint or None,
        "rule": diagnostic.rule or None,
        "file": span.file if span else None,
        "line": span.line if span else None,
        "column": span.column if span else None,
        "end_line": span.end_line if span else None,
        "end_column": span.end_column if span else None,
    }
