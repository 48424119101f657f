"""Python on strings, once per distinct string of a column instead of once per row."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from streamwatchd.batch import FALSE, NULL, TRUE, Numbers, Strings, Truths
from streamwatchd.lang.signatures import Parameter, Signature, text, truth
from streamwatchd.lang.typed import Kind


def of_text(name: str) -> Signature:
    """The signature of a function from text to text."""
    return Signature(name, (Parameter("text", Kind.STRING),), text)


def of_two_texts(name: str, second: str) -> Signature:
    """The signature of a test of one text by another."""
    parameters = (Parameter("text", Kind.STRING), Parameter(second, Kind.STRING))
    return Signature(name, parameters, truth, required=2)


def mapped(column: Strings, function: Callable[[str], str]) -> Strings:
    """The column with the function applied; the results join the column's dictionary."""
    names = column.dictionary.names
    codes, inverse = np.unique(column.codes, return_inverse=True)
    results = [function(names[code]) if code >= 0 else None for code in codes.tolist()]
    return Strings(column.dictionary.encode(results)[inverse], column.dictionary)


def measured(column: Strings, function: Callable[[str], float]) -> Numbers:
    """A number for each string, null for null."""
    names = column.dictionary.names
    codes, inverse = np.unique(column.codes, return_inverse=True)
    results = np.array([function(names[code]) if code >= 0 else np.nan for code in codes.tolist()], np.float64)
    return results[inverse]


def paired(column: Strings, other: Strings, test: Callable[[str, str], bool]) -> Truths:
    """The test of each pair of strings, null where either is null."""
    names, others = column.dictionary.names, other.dictionary.names
    width = len(others) + 1
    pairs, inverse = np.unique((column.codes.astype(np.int64) + 1) * width + other.codes + 1, return_inverse=True)
    results = np.full(len(pairs), NULL, np.int8)
    for index, pair in enumerate(pairs.tolist()):
        one, two = pair // width - 1, pair % width - 1
        if one >= 0 and two >= 0:
            results[index] = TRUE if test(names[one], others[two]) else FALSE
    return results[inverse]
