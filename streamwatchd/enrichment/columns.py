"""From a file's cells to typed columns.

In CSV a column is

- a number when it has cells and each is a number as JSON writes it (`5`, `-1.5`, `2e3`; not `007`, `+5`, `.5`, `NaN`),
- a truth when it has cells and each is `true` or `false`, in any case,
- else text, as written.

A declared type is taken at its word: `number` reads `007` as 7, `string` keeps `5` as "5". In formats with types a
column that mixes them is refused unless it is declared `string`. A column with nulls only is text.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

import numpy as np

from streamwatchd.batch import Column, Dictionary, Strings, key_text
from streamwatchd.enrichment.cells import Cell, Cells
from streamwatchd.enrichment.problems import MAX_PROBLEMS, TableProblem, TableRefused
from streamwatchd.lang.typed import Kind

_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][+-]?[0-9]+)?")
_LOOSE_NUMBER = re.compile(r"[+-]?([0-9]+(\.[0-9]*)?|\.[0-9]+)([eE][+-]?[0-9]+)?")
_TRUTHS = {"true": True, "false": False}
_WORDS = {Kind.NUMBER: "a number", Kind.STRING: "text", Kind.BOOL: "true or false"}


def build_column(cells: Cells, name: str, declared: Kind | None) -> tuple[Kind, Column]:
    """Raises TableRefused with the line of every cell that does not fit."""
    values = cells.columns[name]
    if cells.textual:
        kind = declared or _infer_from_text(values)
        convert = _FROM_TEXT[kind]
    else:
        kind = declared or _infer(cells, name)
        convert = _FROM_VALUE[kind]
    return kind, _assemble(kind, _convert(cells, name, kind, convert))


def build_keys(cells: Cells, name: str, declared: Kind | None) -> list[str]:
    """The keys as text, row by row; raises TableRefused for null and duplicate keys."""
    values = cells.columns[name]
    if declared is Kind.NUMBER:
        convert = _FROM_TEXT[Kind.NUMBER] if cells.textual else _FROM_VALUE[Kind.NUMBER]
        values = _convert(cells, name, Kind.NUMBER, convert)
    keys: list[str] = []
    first: dict[str, int] = {}
    problems: list[TableProblem] = []
    for row, text in enumerate(_convert_values(values, _FROM_VALUE[Kind.STRING])):
        if not isinstance(text, str) or text == "":
            problems.append(_problem(cells, row, f"the key `{name}` is empty"))
        elif text in first:
            problems.append(_problem(cells, row, f"the key `{text}` stands in {cells.place(first[text])} already"))
        else:
            first[text] = row
            keys.append(text)
    if problems:
        raise TableRefused(*problems[:MAX_PROBLEMS])
    return keys


def _problem(cells: Cells, row: int, message: str) -> TableProblem:
    line = cells.line(row)
    return TableProblem(message if line else f"{cells.place(row)}: {message}", line)


def _infer_from_text(values: Sequence[Cell]) -> Kind:
    texts = [text for text in values if isinstance(text, str)]
    if texts and all(_NUMBER.fullmatch(text) for text in texts):
        return Kind.NUMBER
    if texts and all(text.lower() in _TRUTHS for text in texts):
        return Kind.BOOL
    return Kind.STRING


def _infer(cells: Cells, name: str) -> Kind:
    first: dict[Kind, int] = {}
    for row, value in enumerate(cells.columns[name]):
        if value is not None:
            first.setdefault(_kind(value), row)
    if len(first) > 1:
        (one, row), (other, other_row) = list(first.items())[:2]
        places = f"{_WORDS[one]} in {cells.place(row)}, {_WORDS[other]} in {cells.place(other_row)}"
        hint = f"declare `{name}` as string, or make its values alike"
        raise TableRefused(TableProblem(f"column `{name}` has {places}", cells.line(other_row), hint))
    return next(iter(first), Kind.STRING)


def _kind(value: object) -> Kind:
    """Lists and objects count as text here; converting them is what fails."""
    if isinstance(value, bool):
        return Kind.BOOL
    return Kind.NUMBER if isinstance(value, int | float) else Kind.STRING


class _Bad(str):
    """Stands for a cell that does not fit; compared by identity."""


_BAD = _Bad("")
_Convert = Callable[[Cell], Cell]


def _convert_values(values: Sequence[Cell], convert: _Convert) -> list[Cell]:
    """A cell that can't be converted comes out as `_BAD`."""
    converted: list[Cell] = []
    for value in values:
        try:
            converted.append(None if value is None else convert(value))
        except (ValueError, OverflowError):
            converted.append(_BAD)
    return converted


def _convert(cells: Cells, name: str, kind: Kind, convert: _Convert) -> list[Cell]:
    values = cells.columns[name]
    converted = _convert_values(values, convert)
    bad = [row for row, value in enumerate(converted) if value is _BAD]
    if bad:
        shown = ((row, _show(values[row])) for row in bad[:MAX_PROBLEMS])
        expected = _WORDS[kind]
        raise TableRefused(*(_problem(cells, row, f"`{name}` is {text}, not {expected}") for row, text in shown))
    return converted


def _show(value: object) -> str:
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return "an array"
    text = value if isinstance(value, str) else repr(value)
    text = text.encode("utf-8", "backslashreplace").decode()
    return f"`{text[:40]}`"


def _number_from_text(text: Cell) -> float:
    if not isinstance(text, str) or not _LOOSE_NUMBER.fullmatch(text):
        raise ValueError
    return _finite(float(text))


def _truth_from_text(text: Cell) -> bool:
    if not isinstance(text, str) or text.lower() not in _TRUTHS:
        raise ValueError
    return _TRUTHS[text.lower()]


def _number_from_value(value: Cell) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError
    return _finite(float(value))


def _finite(number: float) -> float:
    if not np.isfinite(number):
        raise ValueError
    return number + 0.0  # no negative zero: equal content, equal digest


def _text_from_value(value: Cell) -> str:
    if not isinstance(value, str | int | float):
        raise ValueError
    text = key_text(value)
    text.encode()  # a lone surrogate is no text: UnicodeEncodeError is a ValueError
    return text


def _truth_from_value(value: Cell) -> bool:
    if not isinstance(value, bool):
        raise ValueError
    return value


_FROM_TEXT: dict[Kind, _Convert] = {
    Kind.NUMBER: _number_from_text,
    Kind.STRING: _text_from_value,
    Kind.BOOL: _truth_from_text,
}
_FROM_VALUE: dict[Kind, _Convert] = {
    Kind.NUMBER: _number_from_value,
    Kind.STRING: _text_from_value,
    Kind.BOOL: _truth_from_value,
}


def _assemble(kind: Kind, values: list[Cell]) -> Column:
    match kind:
        case Kind.NUMBER:
            return np.array(values, np.float64)
        case Kind.BOOL:
            return np.array([1 if value is None else 2 if value else 0 for value in values], np.int8)
        case Kind.STRING:
            dictionary = Dictionary()
            return Strings(dictionary.encode(values), dictionary)  # type: ignore[arg-type]
