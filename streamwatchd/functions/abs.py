"""`abs`: the distance from zero."""

from __future__ import annotations

import numpy as np

from streamwatchd.batch import Numbers
from streamwatchd.functions import Example, FunctionSpec
from streamwatchd.functions._numeric import finite, of_number
from streamwatchd.lang.signatures import same


def evaluate(x: Numbers) -> Numbers:
    return finite(np.abs, x)


SPEC = FunctionSpec(
    of_number("abs", same),
    "The number without its sign.",
    (Example("abs(-3)", 3.0), Example("abs(x)", None, {"x": None})),
    evaluate,
)
