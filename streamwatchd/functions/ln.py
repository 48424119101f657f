"""`ln`: the natural logarithm."""

from __future__ import annotations

import numpy as np

from streamwatchd.batch import Numbers
from streamwatchd.functions import Example, FunctionSpec
from streamwatchd.functions._numeric import finite, of_number
from streamwatchd.lang.signatures import plain


def evaluate(x: Numbers) -> Numbers:
    return finite(np.log, x)


SPEC = FunctionSpec(
    of_number("ln", plain),
    "The natural logarithm; null for zero and negative numbers.",
    (Example("ln(1)", 0.0), Example("ln(0)", None)),
    evaluate,
)
