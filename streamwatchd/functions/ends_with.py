"""`ends_with`: a test of the end."""

from __future__ import annotations

from streamwatchd.batch import Strings, Truths
from streamwatchd.functions import Example, FunctionSpec
from streamwatchd.functions._textual import of_two_texts, paired


def evaluate(text: Strings, suffix: Strings) -> Truths:
    return paired(text, suffix, str.endswith)


SPEC = FunctionSpec(
    of_two_texts("ends_with", "suffix"),
    "Whether the text ends with `suffix`, letter for letter.",
    (Example("ends_with('core-1', '-1')", True), Example("ends_with('core-1', 'core')", False)),
    evaluate,
)
