"""CSV (comma) and TSV (tab) by RFC 4180, in UTF-8, with a header line.

Every line has as many cells as the header; blank lines are skipped; an empty cell is null, quoted or not. Blanks after
a separator do not count.
"""

from __future__ import annotations

import csv
import io
from typing import TYPE_CHECKING

from streamwatchd.enrichment.cells import Cells
from streamwatchd.enrichment.problems import MAX_PROBLEMS, TableProblem, TableRefused

if TYPE_CHECKING:
    from _csv import Reader


def read_csv(text: str, delimiter: str = ",") -> Cells:
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True, skipinitialspace=True)
    try:
        header = _header(next(reader, []), delimiter)
        lines, rows = _rows(reader, len(header))
    except csv.Error as error:
        what = "a quote is never closed" if "end of data" in str(error) else str(error)
        raise TableRefused(TableProblem(f"the file is not CSV: {what}", reader.line_num)) from None
    columns = zip(*rows, strict=True) if rows else ((),) * len(header)
    return Cells(dict(zip(header, columns, strict=True)), lines, textual=True)


def _header(row: list[str], delimiter: str) -> list[str]:
    header = [name.strip() for name in row]
    if not any(header):
        raise TableRefused(TableProblem("the file has no header line", 1))
    if not all(header):
        raise TableRefused(TableProblem(f"column {header.index('') + 1} has no name", 1))
    twice = {name for name in header if header.count(name) > 1}
    if twice:
        raise TableRefused(TableProblem(f"column `{min(twice)}` is there twice", 1))
    other = next((mark for mark in ";\t|" if len(header) == 1 and mark in header[0]), "")
    if other:
        name = {",": "commas", "\t": "tabs"}[delimiter]
        raise TableRefused(TableProblem(f"cells are separated by `{other}`", 1, f"separate them by {name}"))
    return header


def _rows(reader: Reader, width: int) -> tuple[list[int], list[list[str | None]]]:
    lines: list[int] = []
    rows: list[list[str | None]] = []
    problems: list[TableProblem] = []
    for row in reader:
        if len(row) == width:
            rows.append([cell or None for cell in row])
            lines.append(reader.line_num)
        elif row and len(problems) < MAX_PROBLEMS:
            cells = "1 cell" if len(row) == 1 else f"{len(row)} cells"
            problems.append(TableProblem(f"the line has {cells}, the header {width}", reader.line_num))
    if problems:
        raise TableRefused(*problems)
    return lines, rows
