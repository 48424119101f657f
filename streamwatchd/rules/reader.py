"""Bytes → `Document`: the YAML 1.2 core schema, built from the parser's events.

The tree is built here and not by PyYAML, because its composer recurses (its C form dies of a segmentation fault at
100,000 levels), keeps the last of two equal keys, and reads YAML 1.1. Any bytes give a document, with diagnostics.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import Protocol, assert_never

import yaml

from streamwatchd.diagnostics import Diagnostic, Severity, Span
from streamwatchd.rules import codes, syntax
from streamwatchd.rules.core_schema import Surprise, resolve, surprise
from streamwatchd.rules.document import Document, Mapping, Node, Scalar, Sequence

MAX_BYTES = 16 * 1024 * 1024
MAX_DEPTH = 32
MAX_ALIASED_NODES = 10_000
MAX_CUTS = 20

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x84\x86-\x9f\ufffe\uffff\ud800-\udfff]")
_WIDE_MARKS = (b"\xff\xfe", b"\xfe\xff")


def read_bytes(path: Path, limit: int = -1) -> bytes | Diagnostic:
    """The file's content, up to `limit` bytes, or why it can't be had."""
    place = Span(str(path), 1, 1, 1, 1)
    try:
        if not path.is_file() and path.exists():
            return Diagnostic(codes.NOT_A_FILE, "this is not a regular file", place, hint="put a YAML file there")
        with path.open("rb") as file:
            return file.read(limit)
    except OSError as error:
        reason = error.strerror or str(error)
        hint = "check its owner and mode" if isinstance(error, PermissionError) else ""
        return Diagnostic(codes.UNREADABLE, f"the file can't be read: {reason}", place, hint=hint)


@lru_cache(maxsize=4_096)
def parse(file: str, content: bytes) -> Document:
    """The document in `content`; equal content of a file is parsed once. Never raises for any bytes."""
    text, problems = _decode(file, content)
    document = Document(file, text, diagnostics=problems)
    if any(problem.is_error for problem in problems):
        return document
    return _built(document)


def _built(document: Document) -> Document:
    """The tree. Where YAML cuts a value, it goes on as if it were quoted, so that one cut hides no other mistake."""
    cuts: list[Diagnostic] = []
    while True:
        found = _Builder(document).build()
        mended = None
        if found.top is None and len(cuts) < MAX_CUTS:
            mended = next((text for each in found.diagnostics if (text := syntax.mended(document, each))), None)
        if mended is None:
            return replace(found, diagnostics=_without_echoes(cuts, found.diagnostics))
        cuts += [each for each in found.diagnostics if syntax.mended(document, each)]
        document = mended


def _without_echoes(cuts: list[Diagnostic], found: tuple[Diagnostic, ...]) -> tuple[Diagnostic, ...]:
    """Of the lines of the cuts nothing more is said."""
    lines = {each.span.line for each in cuts if each.span}
    return (*cuts, *(each for each in found if each.span is None or each.span.line not in lines))


def _decode(file: str, content: bytes) -> tuple[str, tuple[Diagnostic, ...]]:
    place = Span(file, 1, 1, 1, 1)
    if len(content) > MAX_BYTES:
        message = f"the file is larger than {MAX_BYTES // 1024 // 1024} MiB"
        return "", (Diagnostic(codes.TOO_LARGE, message, place, hint="split it into several files"),)
    if content.startswith(_WIDE_MARKS):
        return "", (Diagnostic(codes.NOT_UTF8, "the file is UTF-16", place, hint="save it as UTF-8"),)
    problems: list[Diagnostic] = []
    if content.startswith(b"\xef\xbb\xbf"):
        content = content[3:]
        hint = "save it as UTF-8 without a byte order mark"
        message = "the file starts with a byte order mark, which is ignored"
        problems.append(Diagnostic(codes.BYTE_ORDER_MARK, message, place, hint=hint, severity=Severity.WARNING))
    try:
        text = content.decode()
    except UnicodeDecodeError as error:
        return "", (_not_utf8(file, content, error),)
    document = Document(file, text)
    control = _CONTROL.search(text)
    if control is not None:
        message = f"a control character (U+{ord(control[0]):04X}) in the file"
        at = document.span(control.start(), control.end())
        return text, (Diagnostic(codes.CONTROL_CHARACTER, message, at, hint='write it as "\\x.." in double quotes'),)
    if text.strip() and not text.endswith(("\n", "\r")):
        problems.append(_no_final_newline(document))
    return text, tuple(problems)


def _not_utf8(file: str, content: bytes, error: UnicodeDecodeError) -> Diagnostic:
    before = Document(file, content[: error.start].decode())
    span = before.span(len(before.text), len(before.text))
    line = before.line(span.line) + content[error.start :].split(b"\n")[0].decode("latin-1")
    message = f"byte 0x{content[error.start]:02X} is not UTF-8"
    printable = "".join(character if character.isprintable() else "?" for character in line)
    return Diagnostic(codes.NOT_UTF8, message, span, hint="save the file as UTF-8", source_line=printable)


def _no_final_newline(document: Document) -> Diagnostic:
    span = document.span(len(document.text), len(document.text))
    return document.report(
        codes.NO_FINAL_NEWLINE,
        "the last line has no line end: the file may be half-written",
        span,
        hint="end it with a line break; write to a temporary name, then rename",
        severity=Severity.WARNING,
    )


class _Mark(Protocol):
    """A place as either of the two parsers gives it."""

    index: int


def _index(mark: _Mark | None) -> int:
    return 0 if mark is None else mark.index


class _Stop(Exception):
    """The rest of the file can't be read sensibly."""


@dataclass(slots=True)
class _Open:
    """A list or mapping whose end has not come yet; `key` waits for its value."""

    start: int
    mapping: bool
    anchor: str
    items: list[Node] = field(default_factory=list)
    entries: list[tuple[Scalar, Node]] = field(default_factory=list)
    seen: dict[str, Scalar] = field(default_factory=dict)
    key: Node | None = None
    size: int = 1


class _Builder:
    """A stack of open nodes; each event opens one, closes one, or adds a value."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._problems: list[Diagnostic] = []
        self._stack: list[_Open] = []
        self._anchors: dict[str, Node | None] = {}
        self._aliased = 0
        self._top: Node | None = None

    def build(self) -> Document:
        try:
            for event in yaml.parse(self._document.text, Loader=_LOADER):
                self._take(event)
        except yaml.YAMLError as error:
            self._problems.append(syntax.explain(self._document, error))
        except _Stop:
            pass
        problems = tuple(self._problems)
        broken = any(problem.is_error for problem in problems)
        if not broken and not isinstance(self._top, Mapping):
            problems += (self._no_mapping(),)
        document = self._document.with_problems(problems)
        return Document(document.file, document.text, self._mapping(), document.diagnostics)

    def _mapping(self) -> Mapping | None:
        return self._top if isinstance(self._top, Mapping) else None

    def _no_mapping(self) -> Diagnostic:
        if self._top is None or (isinstance(self._top, Scalar) and self._top.value is None):
            hint = "write `field: value` lines, or delete the file"
            return self._document.report(codes.EMPTY, "the file is empty", self._document.span(0, 0), hint=hint)
        what = "a list" if isinstance(self._top, Sequence) else "a single value"
        hint = "write `field: value` lines"
        if isinstance(self._top, Sequence):
            hint = "name the field that it belongs to: `rules:` in a file of rules, `bases:` in `shared.yaml`"
        return self._document.report(
            codes.NOT_A_MAPPING, f"the file is {what}, not fields with values", self._top.span, hint=hint
        )

    def _report(self, code: str, message: str, span: Span, hint: str = "", label: str = "") -> None:
        self._problems.append(self._document.report(code, message, span, label=label, hint=hint))

    def _take(self, event: yaml.Event) -> None:
        match event:
            case yaml.ScalarEvent():
                self._tag(event)
                self._add(self._scalar(event), event.anchor)
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                self._open(event)
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self._close(event)
            case yaml.AliasEvent():
                self._add(self._aliased_node(event), None)
            case yaml.DocumentStartEvent() if self._top is not None:
                span = self._document.span(_index(event.start_mark), _index(event.end_mark))
                self._report(codes.SECOND_DOCUMENT, "a second document in one file", span, "write one document a file")
                raise _Stop
            case _:
                pass

    def _tag(self, event: yaml.ScalarEvent | yaml.CollectionStartEvent) -> None:
        if event.tag is None or (event.tag == "!" and self._document.text[_index(event.start_mark)] != "!"):
            return
        start = _index(event.start_mark)
        end = self._document.line_end(start)
        found = re.match(r"\S+", self._document.text[start:end])
        word = found[0] if found else ""
        rest = self._document.text[start:end].rstrip()
        way = "write `not …`, or quote" if not word.startswith("!!") else "quote"
        hint = f"{way} the whole value: {syntax.quoted(rest)}"
        self._report(
            codes.TAG, f"`{word}` is a YAML tag, and tags are not used here", self._span(start, start + len(word)), hint
        )

    def _span(self, start: int, end: int) -> Span:
        return self._document.span(start, end)

    def _scalar(self, event: yaml.ScalarEvent) -> Scalar:
        start, end = _index(event.start_mark), _index(event.end_mark)
        text, style = event.value, event.style or ""
        span = self._one_line(event) if start < end else self._span(start, end)
        if style:
            return Scalar(text, text, style, span, start, end)
        if surprise(text) is not None:
            self._surprised(text, span)
        return Scalar(resolve(text), text, style, span, start, end)

    def _one_line(self, event: yaml.ScalarEvent) -> Span:
        start, end = event.start_mark, event.end_mark
        if start is None or end is None or start.line != end.line:
            return self._span(_index(start), _index(end))
        return Span(self._document.file, start.line + 1, start.column + 1, end.line + 1, end.column + 1)

    def _surprised(self, text: str, span: Span) -> None:
        match surprise(text):
            case Surprise.TRUTH_WORD:
                what = "true" if text.lower() in ("on", "yes") else "false"
                code, message = codes.TRUTH_WORD, f"`{text}` is a word here, and {what} for tools of YAML 1.1"
                hint = f'quote it: "{text}"; a truth value is written true or false'
            case Surprise.SEXAGESIMAL:
                code, message = codes.CLOCK_TIME, f"`{text}` is a text here, and a number for tools of YAML 1.1"
                hint = f'quote it: "{text}"'
            case Surprise.LEADING_ZERO:
                code, message = codes.AMBIGUOUS_NUMBER, f"`{text}` is decimal here, and octal for tools of YAML 1.1"
                hint = f'quote it ("{text}") for a text; write {text.lstrip("+-0") or "0"} for the number'
            case Surprise.UNDERSCORES:
                code, message = codes.AMBIGUOUS_NUMBER, f"`{text}` is a text here, and a number for tools of YAML 1.1"
                hint = f'quote it ("{text}") for a text; write {text.replace("_", "")} for the number'
            case None:
                return
            case other:
                assert_never(other)
        severity = Severity.ERROR if code == codes.AMBIGUOUS_NUMBER else Severity.WARNING
        self._problems.append(self._document.report(code, message, span, hint=hint, severity=severity))

    def _open(self, event: yaml.MappingStartEvent | yaml.SequenceStartEvent) -> None:
        self._tag(event)
        start = _index(event.start_mark)
        if len(self._stack) >= MAX_DEPTH:
            message = f"values are nested more than {MAX_DEPTH} levels deep"
            self._report(codes.TOO_DEEP, message, self._span(start, start + 1))
            raise _Stop
        if event.anchor:
            self._anchors[event.anchor] = None
        self._stack.append(_Open(start, isinstance(event, yaml.MappingStartEvent), event.anchor or ""))

    def _close(self, event: yaml.MappingEndEvent | yaml.SequenceEndEvent) -> None:
        top = self._stack.pop()
        end = max(_index(event.end_mark), top.start)
        span = self._span(top.start, end)
        node: Node
        if top.mapping:
            node = Mapping(tuple(top.entries), span, top.size, top.start, end)
        else:
            node = Sequence(tuple(top.items), span, top.size)
        self._add(node, top.anchor)

    def _aliased_node(self, event: yaml.AliasEvent) -> Node:
        start, end = _index(event.start_mark), _index(event.end_mark)
        span = self._span(start, end)
        if event.anchor not in self._anchors:
            hint = f"quote the value if it is not an alias; no anchor `&{event.anchor}` stands before it"
            self._report(codes.ALIASES, f"no anchor has the name `{event.anchor}`", span, hint)
            return Scalar(None, "", "", span, start, end)
        node = self._anchors[event.anchor]
        if node is None:
            self._report(codes.ALIASES, f"`*{event.anchor}` contains itself", span)
            raise _Stop
        self._aliased += 1 if isinstance(node, Scalar) else node.size
        if self._aliased > MAX_ALIASED_NODES:
            message = f"aliases repeat more than {MAX_ALIASED_NODES} values"
            self._report(codes.ALIASES, message, span, "write the values out, or generate the file")
            raise _Stop
        return node

    def _add(self, node: Node, anchor: str | None) -> None:
        if anchor:
            self._anchors[anchor] = node
        if not self._stack:
            self._top = node
            return
        parent = self._stack[-1]
        parent.size += 1 if isinstance(node, Scalar) else node.size
        if not parent.mapping:
            parent.items.append(node)
        elif parent.key is None:
            parent.key = node
        else:
            key, parent.key = parent.key, None
            self._add_entry(parent, key, node)

    def _add_entry(self, parent: _Open, key: Node, node: Node) -> None:
        if not isinstance(key, Scalar) or (key.value is None and not key.style and not key.text):
            hint = "quote the value if it starts with `{` or `[`"
            self._report(codes.KEY_NOT_TEXT, "a key must be a word", key.span, hint)
            return
        if key.text == "<<" and not key.style:
            hint = "repeat the fields; in a rules file, common fields stand once at the top"
            self._report(codes.MERGE_KEY, "`<<` is of YAML 1.1 and does nothing in YAML 1.2", key.span, hint)
            return
        first = parent.seen.setdefault(key.text, key)
        if first is not key:
            message = f"`{key.text}` is written twice; the first stands in line {first.span.line}"
            self._report(codes.DUPLICATE_KEY, message, key.span, "keep one of them")
            return
        parent.entries.append((key, node))
