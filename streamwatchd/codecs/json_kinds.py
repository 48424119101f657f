"""Kinds of values as types: those that a record is decoded by, and those that Python has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any

import msgspec

from streamwatchd.lang.typed import Kind

MAX_TEXT = 65_536

Columns = dict[str, Sequence[Any]]
"""Values by field, one a record."""

_Text = Annotated[str, msgspec.Meta(max_length=MAX_TEXT)]
TYPES: Mapping[Kind, object] = {Kind.NUMBER: float | None, Kind.STRING: _Text | None, Kind.BOOL: bool | None}
TIME_TYPES: Mapping[Kind | None, object] = {
    None: int | float | str | None,
    Kind.NUMBER: int | float | None,
    Kind.STRING: str | None,
    Kind.BOOL: bool | None,
}
SCALAR: object = float | _Text | bool | None
PYTHON_TYPES: Mapping[Kind, tuple[type, ...]] = {Kind.NUMBER: (int, float), Kind.STRING: (str,), Kind.BOOL: (bool,)}
