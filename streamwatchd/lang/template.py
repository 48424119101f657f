"""Messages: text with `{expression}` and `{expression:format}`; `{{` and `}}` are braces.

Nothing in a message can run code: an expression is one of the language, a format one of `FORMATS`.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from streamwatchd.lang import units
from streamwatchd.lang.checked import CheckedTemplate
from streamwatchd.lang.checker import Checker
from streamwatchd.lang.mistakes import closing_brace
from streamwatchd.lang.parser import parse
from streamwatchd.lang.problem import Problem
from streamwatchd.lang.scope import Scope
from streamwatchd.lang.signatures import AGGREGATES, Signature
from streamwatchd.lang.typed import Expr, Kind, Placeholder, Template, Time, Type

NULL_TEXT = "n/a"
FORMATS = re.compile(r"[+ ]?0?\d{0,3},?(\.\d{1,2})?[defg%]?|[<>^]?\d{0,3}(\.\d{1,3})?s?")
_PIECE = re.compile(r"\{\{|\}\}|\{|\}|[^{}]+")
_FORMAT_HINT = "formats are those of numbers in Python: `{cpu:.1f}`, `{total:,.0f}`, `{share:.1%}`"

Lookup = Callable[[Expr], float | str | bool | None]


@dataclass(frozen=True, slots=True)
class _Slot:
    """A placeholder as written: `start` is the offset of `text` in the message."""

    text: str
    start: int
    format: str
    format_start: int


def check_template(text: str, scope: Scope, functions: Mapping[str, Signature] = AGGREGATES) -> CheckedTemplate:
    """Check a message; all its placeholders at once."""
    checker = Checker(functions)
    problems: list[Problem] = []
    parts: list[str | Placeholder] = []
    for piece in _pieces(text):
        match piece:
            case Problem():
                problems.append(piece)
            case _Slot():
                found, expr = _check_slot(piece, scope, checker)
                problems += found
                if expr is not None:
                    parts.append(Placeholder(expr, piece.format, piece.text))
            case str():
                parts.append(piece)
    if any(problem.is_error for problem in problems):
        return CheckedTemplate(tuple(problems), checker.infers)
    return CheckedTemplate(tuple(problems), checker.infers, template=Template(_merged(parts)))


def unreadable(text: str) -> tuple[Problem, ...]:
    """What is wrong with a message whatever its names mean."""
    found: list[Problem] = []
    for piece in _pieces(text):
        if isinstance(piece, Problem):
            found.append(piece)
        elif isinstance(piece, _Slot) and isinstance(tree := parse(piece.text), Problem):
            found.append(tree.shifted(piece.start))
    return tuple(found)


def _pieces(text: str) -> Iterator[str | _Slot | Problem]:
    position = 0
    while position < len(text):
        piece = _PIECE.match(text, position)
        assert piece
        position = piece.end()
        match piece.group():
            case "{{" | "}}":
                yield piece.group()[0]
            case "}":
                message, hint = "`}` closes nothing", "write `}}` for a brace"
                yield Problem("SW111", message, position - 1, position, hint=hint)
            case "{":
                slot = _slot(text, position)
                yield slot
                if isinstance(slot, Problem):
                    return
                position = slot.format_start + len(slot.format) + 1
            case literal:
                yield literal


def _slot(text: str, start: int) -> _Slot | Problem:
    end, colon = closing_brace(text, start)
    if end < 0:
        return Problem(
            "SW111", "`{` is never closed", start - 1, start, "opened here", "close it, or write `{{` for a brace"
        )
    expression_end = colon if colon >= 0 else end
    if not text[start:expression_end].strip():
        hint = "name a value, as in `{cpu5}`, or write `{{}}` for braces"
        return Problem("SW111", "nothing stands between the braces", start - 1, end + 1, hint=hint)
    format_start = colon + 1 if colon >= 0 else end
    return _Slot(text[start:expression_end], start, text[format_start:end], format_start)


def _check_slot(slot: _Slot, scope: Scope, checker: Checker) -> tuple[list[Problem], Expr | None]:
    tree = parse(slot.text)
    if isinstance(tree, Problem):
        return [tree.shifted(slot.start)], None
    before = set(checker.report())
    expr = checker.whole(tree, scope, None)
    problems = [problem.shifted(slot.start) for problem in checker.report() if problem not in before]
    if expr is not None and not _fits(slot.format, expr.type):
        place = (slot.format_start, slot.format_start + len(slot.format))
        what = {Kind.NUMBER: "a number", Kind.STRING: "text", Kind.BOOL: "true or false"}[expr.type.kind]
        problems.append(Problem("SW112", f"`{slot.format}` is no format for {what}", *place, hint=_FORMAT_HINT))
    return problems, expr


def _fits(spec: str, type_: Type) -> bool:
    if not FORMATS.fullmatch(spec):
        return False
    try:
        format(1.5 if type_.kind is Kind.NUMBER else "x", spec.replace("d", ".0f"))
    except ValueError:
        return False
    return True


def _merged(parts: list[str | Placeholder]) -> tuple[str | Placeholder, ...]:
    """Neighbouring texts as one."""
    found: list[str | Placeholder] = []
    for part in parts:
        if found and isinstance(part, str) and isinstance(found[-1], str):
            found[-1] += part
        else:
            found.append(part)
    return tuple(found)


def render(template: Template, lookup: Lookup) -> str:
    """The message; `lookup` gives the value of a placeholder's expression, None for null."""
    return "".join(part if isinstance(part, str) else _filled(part, lookup(part.expr)) for part in template.parts)


def _filled(slot: Placeholder, value: float | str | bool | None) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return NULL_TEXT
    if isinstance(slot.expr, Time) and not slot.format:
        return instant(float(value))
    if not slot.format:
        return show(value, slot.expr.type)
    if slot.expr.type.kind is not Kind.NUMBER:
        return format(_word(value), slot.format)
    number = float(value)
    if slot.format.endswith("%"):
        number = units.convert(number, "percent", "ratio") if slot.expr.type.unit == "percent" else number
        return format(number, slot.format)
    return format(number, slot.format.replace("d", ".0f"))


def show(value: float | str | bool | None, type_: Type) -> str:
    """A value as people write it: `93.2%`, `5%` for a ratio of 0.05, `412 ms`, `1.5 MiB`; `n/a` for null."""
    if value is None:
        return NULL_TEXT
    if type_.kind is not Kind.NUMBER:
        return _word(value)
    number, unit = float(value), type_.unit
    if unit == "ratio":
        number, unit = units.convert(number, "ratio", "percent"), "percent"
    if unit in ("bytes", "bytes/s"):
        number, unit = _scaled(number, unit)
    found = units.find(unit) if unit else None
    symbol = found.symbol if found else unit
    space = "" if not symbol or symbol[0] in "%/" else " "
    return short(number) + space + symbol


def _scaled(number: float, unit: str) -> tuple[float, str]:
    per = unit.removeprefix("bytes")
    for prefix in ("", "Ki", "Mi", "Gi", "Ti"):
        if abs(number) < 1024:
            return number, (f"{prefix}B" if prefix else "bytes") + per
        number /= 1024
    return number, "PiB" + per


def short(number: float) -> str:
    """Whole numbers in full, others with three significant digits and no trailing zeros: 93.2, 412, 0.0513, 104234."""
    if math.isinf(number) or abs(number) >= 1e15:
        return f"{number:.6g}"
    if number == int(number):
        return str(int(number))
    size = math.floor(math.log10(abs(number)))
    text = f"{number:.{max(0, 2 - size)}f}"
    return text.rstrip("0").rstrip(".") if "." in text else text


def instant(ms: float) -> str:
    """An event time as ISO-8601 in UTC with milliseconds."""
    try:
        moment = dt.datetime.fromtimestamp(ms / 1000, dt.UTC)
    except (OverflowError, ValueError, OSError):
        return short(ms)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _word(value: float | str | bool) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
