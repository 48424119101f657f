"""A YAML file of ours in its canonical form: the text is edited in place, so comments, order and layout stay.

What changes: expressions are written as `lang/printer.py` writes them, blanks at line ends and repeated empty lines go,
line ends are LF, and the last line has one. Blocks of text, what stands in quotes over several lines, and expressions
on a line that ends with `# fmt: skip` stay.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from streamwatchd import fields
from streamwatchd.fields import Form
from streamwatchd.lang.printer import print_condition, print_expr
from streamwatchd.lang.problem import Problem
from streamwatchd.rules.document import Document, Mapping, Node, Scalar, Sequence
from streamwatchd.rules.expressions import parsed, parsed_condition
from streamwatchd.rules.reader import parse

_COMMENT = re.compile(r"[ \t]+(?=#)")
_SPARED = re.compile(r"[^\n]*[ \t]# fmt: skip[ \t\r]*$", re.MULTILINE)
_UNSAFE = re.compile(r"^[\s>|%@`!&*{}\[\],#?'\"-]|: |:$| #|[\s]$|^$")
_FLOW = re.compile(r"[,\[\]{}]")


@dataclass(frozen=True, slots=True)
class _Edit:
    start: int
    end: int
    text: str


def formatted(document: Document, form: Form | None) -> str:
    """The text of a document that parses. `form` says where expressions stand; None: nowhere."""
    edits = list(_edits(document, document.top, form)) if form is not None and document.top is not None else []
    text = _applied(document.text, edits)
    return _laid_out(parse(document.file, text.encode()))


# expressions


def _edits(document: Document, node: Node, form: Form) -> Iterator[_Edit]:
    match form:
        case fields.Expression(what) if isinstance(node, Scalar) and what != "a message":
            yield from _edit(document, node)
        case fields.ListOf(item):
            for each in node.items if isinstance(node, Sequence) else (node,):
                yield from _edits(document, each, item)
        case fields.MapOf(value) if isinstance(node, Mapping):
            for _, each in node.entries:
                yield from _edits(document, each, value)
        case fields.Either(forms):
            for each_form in forms:
                yield from _edits(document, node, each_form)
        case fields.Records(records) if isinstance(node, Mapping):
            head = next((key.text for key, _ in node.entries if key.text in records), None)
            if head is not None:
                yield from _edits(document, node, records[head])
        case fields.Record() if isinstance(node, Mapping):
            for key, each in node.entries:
                declared = form.field(key.text)
                if declared is not None:
                    yield from _edits(document, each, declared.form)
        case _:
            pass


def _edit(document: Document, scalar: Scalar) -> Iterator[_Edit]:
    """Nothing for what is not one line, is spared, does not parse, or is as it should be."""
    raw = document.text[scalar.start : scalar.end]
    canonical = _canonical(scalar.text)
    if "\n" in raw or scalar.style in ("|", ">") or canonical is None or canonical == scalar.text:
        return
    if _SPARED.match(document.text, scalar.end):
        return
    yield _Edit(scalar.start, scalar.end, _written(canonical, scalar.style, raw))


def _canonical(text: str) -> str | None:
    expr = parsed(text)
    if not isinstance(expr, Problem):
        return print_expr(expr)
    condition = parsed_condition(text)
    return None if isinstance(condition, Problem) else print_condition(condition)


def _written(text: str, style: str, raw: str) -> str:
    """As a scalar: plain where it was and can stay so, else in the quotes that need the fewest escapes."""
    if not style and not _UNSAFE.search(text) and set(_FLOW.findall(text)) <= set(_FLOW.findall(raw)):
        return text
    if style == '"' and '"' not in text and "\\" not in text:
        return f'"{text}"'
    return "'" + text.replace("'", "''") + "'"


def _applied(text: str, edits: list[_Edit]) -> str:
    """A comment at the end of a line stays in its column where there is room."""
    for edit in sorted(edits, key=lambda each: each.start, reverse=True):
        longer = len(edit.text) - (edit.end - edit.start)
        blanks = _COMMENT.match(text, edit.end)
        rest = text[edit.end :]
        if blanks is not None:
            rest = " " * max(1, len(blanks[0]) - longer) + text[blanks.end() :]
        text = text[: edit.start] + edit.text + rest
    return text


# layout


def _laid_out(document: Document) -> str:
    kept = _kept_lines(document)
    found: list[str] = []
    last = 0
    for number, line in enumerate(_lines(document.text), 1):
        if number in kept:
            found.append(line)
            last = len(found)
            continue
        line = line.rstrip(" \t")
        if line or (found and found[-1]):
            found.append(line)
    while len(found) > last and not found[-1]:
        found.pop()
    return "\n".join(found) + "\n"


def _lines(text: str) -> list[str]:
    return text.replace("\r\n", "\n").replace("\r", "\n").removesuffix("\n").split("\n")


def _kept_lines(document: Document) -> set[int]:
    """Lines whose blanks are part of a value: those of scalars over several lines, the last but one at most."""
    kept: set[int] = set()
    pending: list[Node] = [document.top] if document.top is not None else []
    while pending:
        node = pending.pop()
        if isinstance(node, Scalar):
            first = document.text.count("\n", 0, node.start) + 1
            last = document.text.count("\n", 0, node.end) + 1
            if last > first:
                kept.update(range(first, last + (node.style in ("'", '"'))))
        elif isinstance(node, Sequence):
            pending.extend(node.items)
        else:
            pending.extend(part for entry in node.entries for part in entry)
    return kept


def same_tree(one: Node | None, other: Node | None) -> bool:
    """Whether two files say the same, expressions by their canonical form, everything else to the letter."""
    match one, other:
        case Scalar(), Scalar():
            if one.value == other.value and one.text == other.text:
                return True
            return _canonical(one.text) is not None and _canonical(one.text) == _canonical(other.text)
        case Sequence(), Sequence():
            return len(one.items) == len(other.items) and all(map(same_tree, one.items, other.items))
        case Mapping(), Mapping():
            mine, theirs = ([part for entry in node.entries for part in entry] for node in (one, other))
            return len(mine) == len(theirs) and all(map(same_tree, mine, theirs))
        case _:
            return one is other
