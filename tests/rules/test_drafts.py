"""Rules files before names are looked up."""

from __future__ import annotations

import pytest

from streamwatchd.rules.drafts import FileDraft, draft
from streamwatchd.rules.reader import parse

TEXT = "source: metrics\nevery: 10s\nrules:\n  - alarm: a\n    by: host\n    when: cpu > 5\n"


def drafted(text: str) -> FileDraft:
    return draft(parse("f", text.encode()))


@pytest.mark.parametrize(
    ("change", "same"),
    [
        (("rules:", "# a comment\n\nrules:"), True),
        (("by: host", "by:   'host'"), True),
        (("cpu > 5", "cpu > 6"), False),
        (("every: 10s", "every: 20s"), False),
        (("by: host", "by: [host]"), False),
    ],
)
def test_the_digest_is_of_what_is_said(change: tuple[str, str], same: bool) -> None:
    """Comments, layout and quotes do not count; the file's common fields do."""
    (one,), (other,) = drafted(TEXT).rules, drafted(TEXT.replace(*change)).rules
    assert (one.digest == other.digest) is same


def test_names_of_broken_rules_are_known() -> None:
    """So that what reads them can say why it does not run."""
    found = drafted(TEXT + "    wat: 1\n")
    assert (found.failed, [rule.is_sound for rule in found.rules], found.names) == (True, [False], ("a",))


@pytest.mark.parametrize("broken", ["by: {a: b}", "bi: host", "values: [x]", "source: {}"])
def test_what_gives_names_a_meaning_must_have_a_form(broken: str) -> None:
    """Else all that is said of the rest would be echoes."""
    assert drafted(TEXT.replace("by: host", broken)).rules == ()


@pytest.mark.parametrize(
    "rules", ["5", "[]", "[5]", "[[]]", "[{}]", "[{alarm: [a]}]", "[{alarm: a, kpi: b}]", "{a: 1}"]
)
def test_rules_of_any_shape_are_findings(rules: str) -> None:
    """Never an exception."""
    assert drafted(f"source: m\nrules: {rules}\n").failed
