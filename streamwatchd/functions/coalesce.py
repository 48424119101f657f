"""`coalesce`: the first value that is not null."""

from __future__ import annotations

import numpy as np

from streamwatchd.batch import NULL, Column, Strings
from streamwatchd.functions import Example, FunctionSpec
from streamwatchd.lang.signatures import Parameter, Signature, same


def evaluate(*columns: Column) -> Column:
    found = columns[0]
    for column in columns[1:]:
        found = _filled(found, column)
    return found


def _filled(column: Column, default: Column) -> Column:
    if isinstance(column, Strings):
        assert isinstance(default, Strings)
        return Strings(np.where(column.codes < 0, _recoded(default, column), column.codes), column.dictionary)
    assert not isinstance(default, Strings)
    null = column == NULL if column.dtype == np.int8 else np.isnan(column)
    return np.where(null, default, column)


def _recoded(default: Strings, column: Strings) -> np.ndarray[tuple[int, ...], np.dtype[np.int32]]:
    """The codes of `default` in the dictionary of `column`."""
    if default.dictionary is column.dictionary:
        return default.codes
    names = default.dictionary.names
    codes, inverse = np.unique(default.codes, return_inverse=True)
    return column.dictionary.encode([names[code] if code >= 0 else None for code in codes.tolist()])[inverse]


SPEC = FunctionSpec(
    Signature("coalesce", (Parameter("x"),), same, required=2, variadic=True, uniform=True),
    "The first of the values that is not null; all have one type, and one unit.",
    (
        Example("coalesce(x, 0)", 0.0, {"x": None}),
        Example("coalesce(x, 0)", 7.0, {"x": 7.0}),
        Example("coalesce(x, 'none')", "none", {"x": None}),
    ),
    evaluate,
)
