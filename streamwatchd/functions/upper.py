"""`upper`: text in capitals."""

from __future__ import annotations

from streamwatchd.batch import Strings
from streamwatchd.functions import Example, FunctionSpec
from streamwatchd.functions._textual import mapped, of_text


def evaluate(text: Strings) -> Strings:
    return mapped(text, str.upper)


SPEC = FunctionSpec(
    of_text("upper"),
    "The text in capitals, as Unicode has them.",
    (Example("upper('Core-a')", "CORE-A"), Example("upper(x)", None, {"x": None})),
    evaluate,
)
