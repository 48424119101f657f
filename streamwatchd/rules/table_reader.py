"""The tables of `enrichment.d/`: `NAME.yaml` with its data file, a query or a topic, or a data file alone."""

from __future__ import annotations

import re
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, replace
from pathlib import Path

from streamwatchd.diagnostics import Diagnostic, Span, did_you_mean
from streamwatchd.enrichment.fetched import FOLDER, Fetch, content_path
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
_ORIGINS = ("file", "query", "topic")


@dataclass(frozen=True, slots=True)
class TableDraft:
    """One table. `paths` are the files it is made of, its own first; `table` and `data` are None when it is broken.

    `fetch` is set where its rows have to be fetched, also while there are none.
    """

    name: str
    paths: tuple[str, ...]
    table: Table | None = None
    data: TableData | None = None
    problems: tuple[Diagnostic, ...] = ()
    fetch: Fetch | None = None

    @property
    def fault(self) -> str:
        """The file that is to blame when the table is broken."""
        first = next((problem.span for problem in self.problems if problem.is_error), None)
        return first.file if first is not None else self.paths[0]


def read_tables(folder: Path, files: Files, *, stand_ins: bool = True) -> tuple[TableDraft, ...]:
    """All tables of a folder; two of one name: the first path keeps it.

    With `stand_ins` a table whose rows were never fetched has none, if its columns are declared; else it is broken.
    """
    paths = [path for path in files.below(folder) if Path(path).parent.name != FOLDER]
    declarations = [path for path in paths if path.endswith((".yaml", ".yml"))]
    drafts = [_declared(path, files, folder, stand_ins) for path in declarations]
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


def _declared(path: str, files: Files, folder: Path, stand_ins: bool) -> TableDraft:
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
    origin = _origin(body, findings)
    if origin is None:
        return TableDraft(name, (path,), problems=tuple(findings.problems))
    file = body.scalar("file")
    if file is not None:
        return _with_data(name, path, str(Path(path).parent / file.text), body, file, files, findings)
    fetch = Fetch(
        name, body.text("key"), body.duration("every", settings_spec.FETCH_EVERY_MS), body.text("query"),
        body.text("database"), body.text("topic"),
    )  # fmt: skip
    found = _with_copy(name, path, str(content_path(folder, name)), body, origin, files, findings, stand_ins)
    return replace(found, fetch=fetch if fetch.topic or fetch.database else None)


def _origin(body: Read, findings: Findings) -> Scalar | None:
    """The one field that says where the rows are."""
    if findings.has_errors:
        return None
    said = [origin for name in _ORIGINS if (origin := body.scalar(name)) is not None]
    place = body.node.span
    if not said:
        hint = "say `file:`, or `query:` with `database:`, or `topic:`"
        findings.add(codes.MISSING_FIELD, "a table needs `file`, `query` or `topic`", place, hint=hint)
    elif len(said) > 1:
        names = " and ".join(f"`{name}`" for name in _ORIGINS if name in body)
        findings.add(codes.EXCLUSIVE_FIELDS, f"a table has one origin, and this one has {names}", said[1].span)
    elif "query" in body and "database" not in body:
        hint = "say where to ask: `database: postgresql+psycopg://…`"
        findings.add(codes.MISSING_FIELD, "`query` needs `database`", said[0].span, hint=hint)
    for name, needs in (("database", ("query",)), ("every", ("query", "topic"))):
        if name in body and not any(each in body for each in needs):
            wanted = " or ".join(f"`{each}`" for each in needs)
            findings.add(codes.EXCLUSIVE_FIELDS, f"`{name}` belongs to {wanted}", body.key(name))
    return said[0] if said and not findings.has_errors else None


def _with_copy(
    name: str, path: str, data_path: str, body: Read, origin: Scalar, files: Files, findings: Findings, stand_ins: bool
) -> TableDraft:
    """With the rows that were fetched last."""
    if data_path in files.now or data_path in files.last_good:
        return _with_data(name, path, data_path, body, origin, files, findings)
    types, key = _columns(body, findings), body.text("key") or None
    if not (types and stand_ins):
        hint = f"`swctl fetch {name}` fetches them; where the database can't be reached, declare `columns:` and `key:`"
        findings.add(codes.TABLE_UNFETCHED, f"the rows of `{name}` were never fetched here", origin.span, hint=hint)
    if findings.has_errors:
        return TableDraft(name, (path, data_path), problems=tuple(findings.problems))
    return _of(name, path, data_path, body, read_table("none.json", b"[]", name, key, types), findings)


def _with_data(
    name: str, path: str, data_path: str, body: Read, origin: Scalar, files: Files, findings: Findings
) -> TableDraft:
    types = _columns(body, findings)
    key = body.text("key") or None
    found = None
    if not findings.has_errors:
        found = _data(data_path, files.content(data_path), name, key, types, origin.span, findings)
    if found is None:
        return TableDraft(name, (path, data_path), problems=tuple(findings.problems))
    return _of(name, path, data_path, body, found, findings)


def _of(name: str, path: str, data_path: str, body: Read, found: ReadTable, findings: Findings) -> TableDraft:
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
