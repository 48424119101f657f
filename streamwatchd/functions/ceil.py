"""`ceil`: the whole number above."""

from __future__ import annotations

import numpy as np

from streamwatchd.batch import Numbers
from streamwatchd.functions import Example, FunctionSpec
from streamwatchd.functions._numeric import finite, of_number
from streamwatchd.lang.signatures import same


def evaluate(x: Numbers) -> Numbers:
    return finite(np.ceil, x)


SPEC = FunctionSpec(
    of_number("ceil", same),
    "The smallest whole number that is not below the number.",
    (Example("ceil(2.1)", 3.0), Example("ceil(-2.7)", -2.0)),
    evaluate,
)
