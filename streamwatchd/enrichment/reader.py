"""Reading a table's file: CSV, TSV, JSON, NDJSON or Parquet, by the suffix → one canonical `TableData`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import PurePath

from streamwatchd.batch import Column
from streamwatchd.diagnostics import did_you_mean
from streamwatchd.enrichment.cells import Cells
from streamwatchd.enrichment.columns import build_column, build_keys
from streamwatchd.enrichment.csv_cells import read_csv
from streamwatchd.enrichment.json_cells import read_json, read_ndjson
from streamwatchd.enrichment.problems import MAX_PROBLEMS, TableProblem, TableRefused
from streamwatchd.enrichment.store import canonical_table
from streamwatchd.enrichment.table import TableData
from streamwatchd.lang.typed import Type

SUFFIXES = (".csv", ".tsv", ".json", ".ndjson", ".jsonl", ".parquet")


@dataclass(frozen=True, slots=True)
class ReadTable:
    """`types` are those of `data.columns` (the key column is not among them), with the units of their declarations."""

    data: TableData
    types: Mapping[str, Type]


def read_table(
    path: str | PurePath, content: bytes, name: str, key: str | None = None, declared: Mapping[str, Type] | None = None
) -> ReadTable:
    """The table in `content`, whose format the suffix of `path` says (nothing is read from disk here).

    `key` names the key column, by default the first. `declared` are the types of columns that are not to be inferred.
    Raises TableRefused with all that is wrong, up to `MAX_PROBLEMS`.
    """
    declared = declared or {}
    cells = _read_cells(PurePath(path).suffix.lower(), content, key)
    names = list(cells.columns) or list(dict.fromkeys([*([key] if key else []), *declared]))
    if not names:
        raise TableRefused(TableProblem("the file has no columns"))
    cells = cells if cells.columns else Cells(dict.fromkeys(names, ()), cells.lines)
    key = names[0] if key is None else key
    _check_names(names, key, declared)
    return _build(cells, name, key, declared)


def _read_cells(suffix: str, content: bytes, key: str | None) -> Cells:
    if suffix == ".parquet":
        # Its library is a third of all that a worker imports, and 25 MB; only such tables need it.
        from streamwatchd.enrichment.parquet_cells import read_parquet

        return read_parquet(content)
    text = _text(content)
    match suffix:
        case ".csv":
            return read_csv(text)
        case ".tsv":
            return read_csv(text, "\t")
        case ".json":
            return read_json(text, key)
        case ".ndjson" | ".jsonl":
            return read_ndjson(text)
        case _:
            known = ", ".join(SUFFIXES)
            raise TableRefused(TableProblem(f"`{suffix}` is no format of a table", hint=f"one of {known}"))


def _text(content: bytes) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise TableRefused(TableProblem("the file is not UTF-8", line, "save it as UTF-8")) from None
    if not text.strip():
        raise TableRefused(TableProblem("the file is empty", 1))
    return text


def _check_names(names: list[str], key: str, declared: Mapping[str, Type]) -> None:
    if key not in names:
        hint = did_you_mean(key, names) or f"columns are {', '.join(f'`{name}`' for name in names)}"
        raise TableRefused(TableProblem(f"the file has no key column `{key}`", 1, hint))
    missing = [name for name in declared if name not in names]
    if missing:
        raise TableRefused(
            *(TableProblem(f"the file has no column `{name}`", 1, did_you_mean(name, names)) for name in missing)
        )


def _build(cells: Cells, name: str, key: str, declared: Mapping[str, Type]) -> ReadTable:
    columns: dict[str, Column] = {}
    types: dict[str, Type] = {}
    keys: list[str] = []
    problems: list[TableProblem] = []
    for column in cells.columns:
        said = declared.get(column)
        try:
            if column == key:
                keys = build_keys(cells, key, said.kind if said else None)
            else:
                kind, columns[column] = build_column(cells, column, said.kind if said else None)
                types[column] = said or Type(kind)
        except TableRefused as refused:
            problems.extend(refused.problems)
    if problems:
        problems.sort(key=lambda problem: problem.line or 0)
        raise TableRefused(*problems[:MAX_PROBLEMS])
    return ReadTable(canonical_table(name, key, keys, columns), types)
