"""`starts_with`: a test of the beginning."""

from __future__ import annotations

from streamwatchd.batch import Strings, Truths
from streamwatchd.functions import Example, FunctionSpec
from streamwatchd.functions._textual import of_two_texts, paired


def evaluate(text: Strings, prefix: Strings) -> Truths:
    return paired(text, prefix, str.startswith)


SPEC = FunctionSpec(
    of_two_texts("starts_with", "prefix"),
    "Whether the text begins with `prefix`, letter for letter.",
    (Example("starts_with('core-1', 'core')", True), Example("starts_with(x, 'edge')", None, {"x": None})),
    evaluate,
)
