"""`contains`: a test for a part."""

from __future__ import annotations

from streamwatchd.batch import Strings, Truths
from streamwatchd.functions import Example, FunctionSpec
from streamwatchd.functions._textual import of_two_texts, paired


def evaluate(text: Strings, part: Strings) -> Truths:
    return paired(text, part, str.__contains__)


SPEC = FunctionSpec(
    of_two_texts("contains", "part"),
    "Whether `part` stands anywhere in the text, letter for letter.",
    (Example("contains('link down', 'down')", True), Example("contains('link down', 'Down')", False)),
    evaluate,
)
