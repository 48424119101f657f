"""`least`: the smallest of several numbers."""

from __future__ import annotations

from functools import reduce

import numpy as np

from streamwatchd.batch import Numbers
from streamwatchd.functions import Example, FunctionSpec
from streamwatchd.lang.signatures import Parameter, Signature, same
from streamwatchd.lang.typed import Kind


def evaluate(*columns: Numbers) -> Numbers:
    return reduce(np.fmin, columns)


SPEC = FunctionSpec(
    Signature("least", (Parameter("x", Kind.NUMBER),), same, required=2, variadic=True, uniform=True),
    "The smallest of the numbers, in one unit; nulls are left out, and it is null if all are.",
    (Example("least(3, 1, 2)", 1.0), Example("least(x, 2)", 2.0, {"x": None})),
    evaluate,
)
