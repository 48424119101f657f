"""References to environment variables in the configuration."""

from __future__ import annotations

import pytest

from streamwatchd.rules import codes
from streamwatchd.rules.document import Mapping, Scalar
from streamwatchd.rules.environment import expand
from streamwatchd.rules.form import Findings
from streamwatchd.rules.reader import parse

VARIABLES = {"HOST": "kafka", "PORT": "9092", "EMPTY": "", "TRICK": "x\nshards: 99", "MARK": "${env:HOST}"}


def expanded(text: str) -> tuple[object, list[str]]:
    document = parse("f", f"a: {text}\n".encode())
    assert document.top is not None
    findings = Findings(document)
    top = expand(document.top, findings, VARIABLES)
    assert isinstance(top, Mapping)
    (_, node), *more = top.entries
    assert isinstance(node, Scalar)
    assert more == []
    return node.value, [found.code for found in findings.problems]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("${env:HOST}", "kafka"),
        ("${env:HOST}:${env:PORT}", "kafka:9092"),
        ("${env:PORT}", 9092),
        ("'${env:PORT}'", "9092"),
        ("${env:NO:-5}", 5),
        ("${env:NO:-}x", "x"),
        ("${env:EMPTY:-fall back}", "fall back"),
        ("$$5 $HOST", "$5 $HOST"),
        ("$${env:HOST}", "${env:HOST}"),
        ("${env:TRICK}", "x\nshards: 99"),
        ("${env:MARK}", "${env:HOST}"),
    ],
)
def test_references_are_put_in_once_and_never_change_the_structure(text: str, value: object) -> None:
    """A value stays one value, whatever the variable holds; what it holds is not expanded again."""
    assert expanded(text) == (value, [])


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("${env:NO}", codes.ENVIRONMENT_UNSET),
        ("'${HOST}'", codes.ENVIRONMENT_FORM),
        ("'${env:HOST'", codes.ENVIRONMENT_FORM),
        ("'${file:/etc/passwd}'", codes.ENVIRONMENT_FORM),
    ],
)
def test_what_can_not_be_put_in(text: str, code: str) -> None:
    """Unset without a default, or another form."""
    assert expanded(text)[1] == [code]
