"""`exp`: e to the power."""

from __future__ import annotations

import numpy as np

from streamwatchd.batch import Numbers
from streamwatchd.functions import Example, FunctionSpec
from streamwatchd.functions._numeric import finite, of_number
from streamwatchd.lang.signatures import plain


def evaluate(x: Numbers) -> Numbers:
    return finite(np.exp, x)


SPEC = FunctionSpec(
    of_number("exp", plain),
    "e to the power of the number; null where that is too large for a number.",
    (Example("exp(0)", 1.0), Example("exp(1000)", None)),
    evaluate,
)
