"""A YAML file as a tree of values that know their places."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Iterator
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field, replace
from functools import cached_property

from streamwatchd.diagnostics import Diagnostic, Severity, Span

Plain = str | int | float | bool | None

MAX_SHOWN = 300

_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")


@dataclass(frozen=True, slots=True)
class Scalar:
    """One value. `text` is what was written, unquoted and unfolded; `value` its YAML 1.2 core meaning.

    `style` is "" (plain), `'`, `"`, `|` or `>`. `start` and `end` are character offsets in the file.
    """

    value: Plain
    text: str
    style: str
    span: Span
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Sequence:
    items: tuple[Node, ...]
    span: Span
    size: int


@dataclass(frozen=True, slots=True)
class Mapping:
    """Keys are unique and in the order of the file; `size` counts the nodes below, aliases expanded.

    `start` and `end` are character offsets in the file.
    """

    entries: tuple[tuple[Scalar, Node], ...]
    span: Span
    size: int
    start: int = 0
    end: int = 0

    def get(self, name: str) -> Node | None:
        for key, node in self.entries:
            if key.text == name:
                return node
        return None

    def key(self, name: str) -> Scalar | None:
        return next((key for key, _ in self.entries if key.text == name), None)


Node = Scalar | Sequence | Mapping


def is_null(node: Node | None) -> bool:
    """`null` or `~` in so many words, which is not the same as nothing."""
    return isinstance(node, Scalar) and node.value is None and node.text != "" and not node.style


def is_empty(node: Node | None) -> bool:
    """Nothing was written: `key:` and no more."""
    return node is None or (isinstance(node, Scalar) and node.value is None)


def plain(node: Node) -> object:
    """The values alone: lists, mappings, and what scalars mean; quoted ones are texts."""
    match node:
        case Scalar(value=value):
            return value
        case Sequence(items=items):
            return [plain(item) for item in items]
        case Mapping(entries=entries):
            return {key.text: plain(value) for key, value in entries}


@dataclass(frozen=True, slots=True)
class _Lines:
    starts: tuple[int, ...]
    ends: tuple[int, ...]


@dataclass(frozen=True)
class Document:
    """The text of one file with its tree; `top` is None when the file has no usable tree.

    `beside` are other files, by name, of which this one takes over values: what is said of those is shown there.
    """

    file: str
    text: str
    top: Mapping | None = None
    diagnostics: tuple[Diagnostic, ...] = field(default=())
    beside: MappingOf[str, Document] = field(default_factory=dict, compare=False, repr=False)

    def of(self, span: Span) -> Document:
        """The document in which a place is."""
        return self.beside.get(span.file, self)

    @cached_property
    def _lines(self) -> _Lines:
        starts, ends = [0], []
        for found in _LINE_BREAK.finditer(self.text):
            ends.append(found.start())
            starts.append(found.end())
        return _Lines(tuple(starts), (*ends, len(self.text)))

    def line(self, number: int) -> str:
        """The text of a line, counted from 1; empty past the end."""
        lines = self._lines
        if not 1 <= number <= len(lines.starts):
            return ""
        return self.text[lines.starts[number - 1] : lines.ends[number - 1]]

    def text_offset(self, number: int) -> int:
        """Where a line, counted from 1, begins."""
        return self._lines.starts[number - 1]

    def line_end(self, offset: int) -> int:
        """The offset where the line of `offset` ends."""
        lines = self._lines
        return lines.ends[bisect_right(lines.starts, offset) - 1]

    def span(self, start: int, end: int) -> Span:
        """The place of the characters `[start, end)`, cut to its first line."""
        starts = self._lines.starts
        line = max(1, bisect_right(starts, start))
        column = start - starts[line - 1] + 1
        last = min(max(end, start), max(self._lines.ends[line - 1], start))
        return Span(self.file, line, column, line, column + last - start)

    def within(self, scalar: Scalar, start: int, end: int) -> Span:
        """The place of `scalar.text[start:end]` in the file; best effort for escapes and folds."""
        document = self.of(scalar.span)
        places = tuple(document._places(scalar))
        if not places:
            return scalar.span
        first = places[min(start, len(places) - 1)]
        if start >= len(places):
            return document.span(places[-1] + 1, places[-1] + 1)
        last = places[min(max(end - 1, start), len(places) - 1)]
        return document.span(first, last + 1)

    def _places(self, scalar: Scalar) -> Iterator[int]:
        """For each character of the scalar's text, its offset in the file."""
        raw, at = self.text, self._content_start(scalar)
        for character in scalar.text:
            at = self._skip_to(character, at, scalar)
            yield min(at, max(scalar.end - 1, scalar.start))
            at += _width(raw, at, scalar.style)

    def _content_start(self, scalar: Scalar) -> int:
        raw = self.text
        match scalar.style:
            case "|" | ">":
                return min(self.line_end(scalar.start) + 1, scalar.end)
            case "'" | '"':
                quote = raw.find(scalar.style, scalar.start, scalar.end)
                return scalar.start if quote < 0 else quote + 1
            case _:
                found = raw.find(scalar.text[:1], scalar.start, scalar.end) if scalar.text else -1
                return scalar.start if found < 0 else found

    def _skip_to(self, character: str, at: int, scalar: Scalar) -> int:
        """Leave out indentation, folds and escaped line ends that stand before the character."""
        if character.isspace():
            return at
        raw, escapes = self.text, scalar.style == '"'
        while at < scalar.end and (raw[at].isspace() or (escapes and raw[at : at + 2] in ("\\\n", "\\\r"))):
            at += 1
        return at

    def report(
        self,
        code: str,
        message: str,
        span: Span | None,
        *,
        label: str = "",
        hint: str = "",
        rule: str = "",
        severity: Severity = Severity.ERROR,
    ) -> Diagnostic:
        """A diagnostic of this file, with the text of its line."""
        return Diagnostic(code, message, span, label, hint, rule, severity, self.shown_line(span))

    def shown_line(self, span: Span | None) -> str:
        """The line to print above the carets; cut where it is long, empty where the carets would stand past the cut."""
        if span is None or span.column > MAX_SHOWN:
            return ""
        return self.of(span).line(span.line)[:MAX_SHOWN]

    def with_problems(self, problems: tuple[Diagnostic, ...]) -> Document:
        return replace(self, diagnostics=self.diagnostics + problems)


_ESCAPE_WIDTHS = {"x": 4, "u": 6, "U": 10}


def _width(raw: str, at: int, style: str) -> int:
    """How many characters of the file make the next character of the text."""
    if style == '"' and raw[at : at + 1] == "\\":
        return _ESCAPE_WIDTHS.get(raw[at + 1 : at + 2], 2)
    if style == "'" and raw[at : at + 2] == "''":
        return 2
    return 1
