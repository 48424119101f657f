"""The examples of fields of tests are good ones."""

from __future__ import annotations

import pytest

from streamwatchd.rules.form import Findings, read
from streamwatchd.rules.reader import parse
from streamwatchd.testing.timeline_spec import EXPECTATIONS, TEST, TEST_FILE

RECORDS = {each.what: each for each in (*EXPECTATIONS.values(), TEST)}


@pytest.mark.parametrize("what", RECORDS)
def test_every_field_has_an_example_that_is_read(what: str) -> None:
    """One that the reader takes without a word; `exact` has its default."""
    record = RECORDS[what]
    required = [field for field in record.fields if field.required]
    for field in record.fields:
        lines = {each.name: each.example for each in (*required, field)}
        text = "".join(f"{name}: {example or 'false'}\n" for name, example in lines.items())
        parsed = parse("a_test.yaml", text.encode())
        findings = Findings(parsed, problems=list(parsed.diagnostics))
        assert parsed.top is not None
        body = read(parsed.top, record, findings)
        assert (findings.problems, field.name in body) == ([], True), (text, findings.problems)


def test_only_lists_of_tests_have_no_example() -> None:
    """And `exact`, whose default says it."""
    bare = {field.name for each in (*RECORDS.values(), TEST_FILE) for field in each.fields if not field.example}
    assert bare == {"tests", "exact"}
