"""`lower`: text in small letters."""

from __future__ import annotations

from streamwatchd.batch import Strings
from streamwatchd.functions import Example, FunctionSpec
from streamwatchd.functions._textual import mapped, of_text


def evaluate(text: Strings) -> Strings:
    return mapped(text, str.lower)


SPEC = FunctionSpec(
    of_text("lower"),
    "The text in small letters, as Unicode has them.",
    (Example("lower('Core-A')", "core-a"), Example("lower(x)", None, {"x": None})),
    evaluate,
)
