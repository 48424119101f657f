"""`greatest`: the largest of several numbers."""

from __future__ import annotations

from functools import reduce

import numpy as np

from streamwatchd.batch import Numbers
from streamwatchd.functions import Example, FunctionSpec
from streamwatchd.lang.signatures import Parameter, Signature, same
from streamwatchd.lang.typed import Kind


def evaluate(*columns: Numbers) -> Numbers:
    return reduce(np.fmax, columns)


SPEC = FunctionSpec(
    Signature("greatest", (Parameter("x", Kind.NUMBER),), same, required=2, variadic=True, uniform=True),
    "The largest of the numbers, in one unit; nulls are left out, and it is null if all are.",
    (Example("greatest(3, 1, 2)", 3.0), Example("greatest(x, 2)", 2.0, {"x": None})),
    evaluate,
)
