"""`floor`: the whole number below."""

from __future__ import annotations

import numpy as np

from streamwatchd.batch import Numbers
from streamwatchd.functions import Example, FunctionSpec
from streamwatchd.functions._numeric import finite, of_number
from streamwatchd.lang.signatures import same


def evaluate(x: Numbers) -> Numbers:
    return finite(np.floor, x)


SPEC = FunctionSpec(
    of_number("floor", same),
    "The largest whole number that is not above the number.",
    (Example("floor(2.7)", 2.0), Example("floor(-2.1)", -3.0)),
    evaluate,
)
