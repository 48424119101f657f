"""JSON tables: an array of objects, an object of objects (its names are the keys), or one object a line (NDJSON)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any, NoReturn

from streamwatchd.enrichment.cells import Cells
from streamwatchd.enrichment.problems import MAX_PROBLEMS, TableProblem, TableRefused


class _Duplicate(ValueError):
    """A name that an object holds twice."""


def read_json(text: str, key: str | None) -> Cells:
    """`key` names the key column; in an object of objects without it, it is `key`."""
    try:
        document = _loads(text)
    except json.JSONDecodeError as error:
        raise TableRefused(TableProblem(f"the file is not JSON: {error.msg}", error.lineno)) from None
    except (ValueError, RecursionError) as error:
        raise TableRefused(TableProblem(f"the file is not JSON: {error}")) from None
    if isinstance(document, dict):
        document = _keyed_rows(document, key or "key")
    if not isinstance(document, list):
        raise TableRefused(TableProblem("the file holds neither an array of objects nor an object of objects"))
    return _columns(document, None)


def read_ndjson(text: str) -> Cells:
    lines: list[int] = []
    rows: list[Any] = []
    problems: list[TableProblem] = []
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            rows.append(_loads(line))
            lines.append(number)
        except (ValueError, RecursionError) as error:
            message = error.msg if isinstance(error, json.JSONDecodeError) else str(error)
            problems.append(TableProblem(f"the line is not JSON: {message}", number))
    if problems:
        raise TableRefused(*problems[:MAX_PROBLEMS])
    return _columns(rows, lines)


def _loads(text: str) -> Any:
    return json.loads(text, object_pairs_hook=_pairs, parse_constant=_refuse_constant)


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        names = [name for name, _ in pairs]
        raise _Duplicate(f"`{next(name for name in names if names.count(name) > 1)}` stands twice in one object")
    return found


def _refuse_constant(word: str) -> NoReturn:
    raise ValueError(f"{word} is no JSON value")


def _keyed_rows(document: dict[str, Any], key: str) -> list[Any]:
    rows: list[Any] = []
    for name, row in document.items():
        if isinstance(row, dict):
            if row.get(key, name) != name:
                raise TableRefused(TableProblem(f"the row of `{name}` has another `{key}`"))
            row = {key: name} | row
        rows.append(row)
    return rows


def _columns(rows: Sequence[Any], lines: Sequence[int] | None) -> Cells:
    names: dict[str, None] = {}
    problems: list[TableProblem] = []
    for number, row in enumerate(rows):
        if isinstance(row, dict):
            names.update(dict.fromkeys(row))
        else:
            place = "" if lines else f"row {number + 1}: "
            problems.append(TableProblem(f"{place}not an object", lines[number] if lines else None))
    if problems:
        raise TableRefused(*problems[:MAX_PROBLEMS])
    return Cells({name: [row.get(name) for row in rows] for name in names}, lines)
