"""Columns from plain values, and functions called on them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from streamwatchd.batch import Column, Dictionary, Strings, to_values
from streamwatchd.functions import FUNCTIONS
from streamwatchd.lang.typed import Kind

Plain = float | str | bool | None


def column(kind: Kind, values: list[float | str | bool | None]) -> Column:
    match kind:
        case Kind.STRING:
            dictionary = Dictionary()
            return Strings(dictionary.encode([None if each is None else str(each) for each in values]), dictionary)
        case Kind.BOOL:
            return np.array([1 if each is None else 2 * int(bool(each)) for each in values], np.int8)
    return np.array([np.nan if each is None else float(each) for each in values])


def kind_of(value: float | str | bool | None) -> Kind:
    match value:
        case str():
            return Kind.STRING
        case bool():
            return Kind.BOOL
    return Kind.NUMBER


def call(name: str, *columns: Sequence[Plain]) -> list[Plain]:
    """The function on columns given as lists; the first value that is not null tells a column's kind."""
    kinds = [kind_of(next((value for value in values if value is not None), None)) for values in columns]
    made = [column(kind, list(values)) for kind, values in zip(kinds, columns, strict=True)]
    return to_values(FUNCTIONS[name].evaluate(*made))
