"""The tables of `enrichment.d/`: `NAME.yaml` with its data file, or a data file alone."""

from __future__ import annotations

import re
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass
from pathlib import Path

from streamwatchd.diagnostics import Diagnostic, Span, did_you_mean
from streamwatchd.enrichment.problems import TableProblem, TableRefused
from streamwatchd.enrichment.reader import SUFFIXES, ReadTable, read_table
from streamwatchd.enrichment.table import TableData
from streamwatchd.fields import IDENTIFIER
from streamwatchd.lang.typed import BOOL, NUMBER, STRING, Kind, Type
from streamwatchd.rules import codes, settings_spec
from streamwatchd.rules.document import Document, Mapping, Scalar
from streamwatchd.rules.files import Content, Files
from streamwatchd.rules.form import Findings, Read, read
from streamwatchd.rules.reader import parse
from streamwatchd.rules.ruleset import Table
from streamwatchd.rules.settings_reader import unit_type

_KINDS = {"string": STRING, "bool": BOOL}
_KIND_WORDS = {Kind.NUMBER: "a number", Kind.STRING: "a text", Kind.BOOL: "true or false"}


@dataclass(frozen=True, slots=True)
class TableDraft:
    """One table. `paths` are the files it is made of, its own first; `table` and `data` are None when it is broken."""

    name: str
    paths: tuple[str, ...]
    table: Table | None = None
    data: TableData | None = None
    problems: tuple[Diagnostic, ...] = ()

    @property
    def fault(self) -> str:
        """The file that is to blame when the table is broken."""
        first = next((problem.span for problem in self.problems if problem.is_error), None)
        return first.file if first is not None else self.paths[0]


def read_tables(folder: Path, files: Files) -> tuple[TableDraft, ...]:
    """All tables of a folder; two of one name: the first path keeps it."""
    paths = files.below(folder)
    declarations = [path for path in paths if path.endswith((".yaml", ".yml"))]
    drafts = [_declared(path, files) for path in declarations]
    used = {path for draft in drafts for path in draft.paths}
    bare = [path for path in paths if path.endswith(SUFFIXES) and path not in used]
    drafts += [_bare(path, files) for path in bare]
    return _named_once(drafts)


def _named_once(drafts: list[TableDraft]) -> tuple[TableDraft, ...]:
    holders: dict[str, TableDraft] = {}
    found: list[TableDraft] = []
    for draft in drafts:
        holder = holders.setdefault(draft.name, draft)
        if holder is draft:
            found.append(draft)
            continue
        message = f"a table `{draft.name}` is there already: {holder.paths[0]}"
        place = Span(draft.paths[0], 1, 1, 1, 1)
        problem = Diagnostic(codes.TABLE_TAKEN, message, place, hint="rename one, or remove it")
        found.append(TableDraft("", draft.paths, problems=(problem,)))
    return tuple(found)


def _bare(path: str, files: Files) -> TableDraft:
    name = Path(path).stem
    place = Span(path, 1, 1, 1, 1)
    findings = Findings(Document(path, ""))
    if not _is_identifier(name):
        message = f"`{name}` can't be the name of a table"
        findings.add(
            codes.BAD_NAME,
            message,
            place,
            hint=f"rename the file, or add a `.yaml` file with `name:` and `file: {Path(path).name}`",
        )
        return TableDraft(name, (path,), problems=tuple(findings.problems))
    found = _data(path, files.content(path), name, None, {}, place, findings)
    if found is None:
        return TableDraft(name, (path,), problems=tuple(findings.problems))
    table = Table(name, path, found.data.key, dict(found.types))
    return TableDraft(name, (path,), table, found.data, tuple(findings.problems))


def _is_identifier(name: str) -> bool:
    return re.fullmatch(IDENTIFIER, name) is not None


def _declared(path: str, files: Files) -> TableDraft:
    content = files.content(path)
    name = Path(path).stem
    if isinstance(content, Diagnostic):
        return TableDraft(name, (path,), problems=(content,))
    document = parse(path, content)
    findings = Findings(document, problems=list(document.diagnostics))
    if document.top is None:
        return TableDraft(name, (path,), problems=tuple(findings.problems))
    body = read(document.top, settings_spec.TABLE, findings)
    name = body.text("name", name)
    if "name" not in body and not _is_identifier(name):
        place = Span(path, 1, 1, 1, 1)
        findings.add(codes.BAD_NAME, f"`{name}` can't be the name of a table", place, hint="add `name:`")
    file = body.scalar("file")
    if file is None:
        return TableDraft(name, (path,), problems=tuple(findings.problems))
    return _with_data(name, path, str(Path(path).parent / file.text), body, file, files, findings)


def _with_data(
    name: str, path: str, data_path: str, body: Read, file: Scalar, files: Files, findings: Findings
) -> TableDraft:
    types = _columns(body, findings)
    key = body.text("key") or None
    found = None
    if not findings.has_errors:
        found = _data(data_path, files.content(data_path), name, key, types, file.span, findings)
    if found is None:
        return TableDraft(name, (path, data_path), problems=tuple(findings.problems))
    missing, defaults = _missing(body, found.types, findings)
    if findings.has_errors:
        return TableDraft(name, (path, data_path), problems=tuple(findings.problems))
    table = Table(name, data_path, found.data.key, dict(found.types), missing, defaults)
    return TableDraft(name, (path, data_path), table, found.data, tuple(findings.problems))


def _columns(body: Read, findings: Findings) -> dict[str, Type]:
    types: dict[str, Type] = {}
    for key, node in body.entries("columns"):
        if isinstance(node, Scalar):
            types[key.text] = _KINDS.get(node.text, NUMBER)
        elif isinstance(node, Mapping):
            column = read(node, settings_spec.COLUMN, findings)
            types[key.text] = unit_type(column, column.text("type", "number"), findings)
    return types


def _missing(
    body: Read, types: MappingOf[str, Type], findings: Findings
) -> tuple[str, dict[str, float | str | bool | None]]:
    word = body.scalar("missing")
    if word is not None:
        return word.text, {}
    defaults: dict[str, float | str | bool | None] = {}
    for key, node in body.entries("missing"):
        if key.text not in types:
            hint = did_you_mean(key.text, types) or f"columns: {', '.join(types)}"
            findings.add(codes.UNKNOWN_COLUMN, f"the table has no column `{key.text}`", key.span, hint=hint)
        elif isinstance(node, Scalar):
            defaults[key.text] = _default(key, node, types[key.text], findings)
    return ("default" if defaults else "null"), defaults


def _default(key: Scalar, node: Scalar, type_: Type, findings: Findings) -> float | str | bool | None:
    value = node.value
    match type_.kind, value:
        case _, None:
            return None
        case Kind.STRING, _:
            return node.text
        case Kind.BOOL, bool():
            return value
        case Kind.NUMBER, int() | float() if not isinstance(value, bool):
            return float(value)
    message = f"column `{key.text}` holds {_KIND_WORDS[type_.kind]}, and its default is `{node.text}`"
    findings.add(codes.COLUMN_TYPE, message, node.span, hint=f"write {_KIND_WORDS[type_.kind]}")
    return None


def _data(
    path: str,
    content: Content,
    name: str,
    key: str | None,
    types: MappingOf[str, Type],
    place: Span,
    findings: Findings,
) -> ReadTable | None:
    if isinstance(content, Diagnostic):
        message = f"the data of table `{name}`, {path}: {content.message}"
        findings.add(codes.TABLE_UNREADABLE, message, place, hint=content.hint)
        return None
    try:
        return read_table(path, content, name, key, types)
    except TableRefused as refused:
        findings.problems.extend(_refused(problem, path, content) for problem in refused.problems)
        return None


def _refused(problem: TableProblem, path: str, content: bytes) -> Diagnostic:
    if problem.line is None:
        return Diagnostic(codes.TABLE_UNREADABLE, problem.message, Span(path, 1, 1, 1, 1), hint=problem.hint)
    lines = content.split(b"\n")
    text = lines[problem.line - 1].decode(errors="replace").rstrip("\r")[:300] if problem.line <= len(lines) else ""
    span = Span(path, problem.line, 1, problem.line, max(2, len(text) + 1))
    return Diagnostic(codes.TABLE_UNREADABLE, problem.message, span, hint=problem.hint, source_line=text)
