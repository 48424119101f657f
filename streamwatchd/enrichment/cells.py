"""A table as its file says it, before types: what each format's reader gives."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Cell = str | float | int | bool | None


@dataclass(frozen=True, slots=True)
class Cells:
    """Columns of equal length in the order of the file.

    `lines[row]` is the line of the file where the row stands, or None in formats without lines. With `textual` all
    cells are text or None and types are inferred from it (CSV).
    """

    columns: Mapping[str, Sequence[Cell]]
    lines: Sequence[int] | None
    textual: bool = False

    def line(self, row: int) -> int | None:
        return None if self.lines is None else self.lines[row]

    def place(self, row: int) -> str:
        """Words for a row where there are no lines."""
        return f"row {row + 1}" if self.lines is None else f"line {self.lines[row]}"
