"""`length`: the number of characters."""

from __future__ import annotations

from streamwatchd.batch import Numbers, Strings
from streamwatchd.functions import Example, FunctionSpec
from streamwatchd.functions._textual import measured
from streamwatchd.lang.signatures import Parameter, Signature, plain
from streamwatchd.lang.typed import Kind


def evaluate(text: Strings) -> Numbers:
    return measured(text, len)


SPEC = FunctionSpec(
    Signature("length", (Parameter("text", Kind.STRING),), plain),
    "The number of characters (Unicode code points) of the text.",
    (Example("length('café')", 4.0), Example("length('')", 0.0), Example("length(lower(x))", None, {"x": None})),
    evaluate,
)
