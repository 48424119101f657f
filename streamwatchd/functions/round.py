"""`round`: to the nearest whole number, or to so many decimals."""

from __future__ import annotations

import numpy as np

from streamwatchd.batch import Numbers
from streamwatchd.functions import Example, FunctionSpec
from streamwatchd.functions._numeric import finite
from streamwatchd.lang.signatures import Parameter, Signature, same
from streamwatchd.lang.typed import Kind


def evaluate(x: Numbers, digits: Numbers | None = None) -> Numbers:
    return finite(_half_away, x, np.zeros(len(x)) if digits is None else digits)


def _half_away(x: Numbers, digits: Numbers) -> Numbers:
    scale = np.power(10.0, np.floor(digits))
    scaled = np.abs(x) * scale
    # A number too large to have so many decimals is its own rounding.
    rounded = np.where(scaled < 2.0**52, np.floor(scaled + 0.5) / scale, np.abs(x))
    return np.copysign(rounded, x) + 0.0


SPEC = FunctionSpec(
    Signature("round", (Parameter("x", Kind.NUMBER), Parameter("digits", Kind.NUMBER, literal=True)), same),
    "The number rounded to `digits` decimals (none if not given); halves go away from zero, as in SQL.",
    (Example("round(2.5)", 3.0), Example("round(-2.5)", -3.0), Example("round(3.14159, 2)", 3.14)),
    evaluate,
)
