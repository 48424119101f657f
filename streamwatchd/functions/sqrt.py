"""`sqrt`: the square root."""

from __future__ import annotations

import numpy as np

from streamwatchd.batch import Numbers
from streamwatchd.functions import Example, FunctionSpec
from streamwatchd.functions._numeric import finite, of_number
from streamwatchd.lang.signatures import root


def evaluate(x: Numbers) -> Numbers:
    return finite(np.sqrt, x)


SPEC = FunctionSpec(
    of_number("sqrt", root),
    "The square root; null for a negative number. `sqrt(var(x))` has the unit of x.",
    (Example("sqrt(9)", 3.0), Example("sqrt(-1)", None)),
    evaluate,
)
