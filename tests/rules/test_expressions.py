"""Rule language inside YAML scalars."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from streamwatchd.rules import codes
from streamwatchd.rules.expressions import has_aggregate, parsed
from streamwatchd.rules.loader import Loaded

Check = Callable[..., Loaded]
HEAD = "source: metrics\nrules:\n  - alarm: a\n    by: host\n"


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("cpu > 5", False),
        ("coalesce(cpu, 0) > 5", False),
        ("avg(cpu over 5m) > 5", True),
        ("not (x and coalesce(p99.9(cpu over 1m), 0) > 5)", True),
        ("averge(cpu over 5m) > 5", True),
        ("rate(x over 5m) > 5", True),
        ("cpu >", False),
    ],
)
def test_aggregates_are_seen_before_names_are(text: str, found: bool) -> None:
    """It decides whether a rule has windows; a misspelled one with `over` counts."""
    assert has_aggregate(parsed(text)) is found


@pytest.mark.parametrize(
    "when",
    [
        "    when: cpu > 5% and hots == 1\n",
        '    when: "cpu > 5% and hots == 1"\n',
        "    when: >-\n      cpu > 5%\n      and hots == 1\n",
    ],
)
def test_a_problem_of_an_expression_has_its_place_in_the_file(check: Check, when: str) -> None:
    """Also in quoted and folded text."""
    (found,) = check(HEAD + when).diagnostics
    assert found.span is not None
    assert found.source_line[found.span.column - 1 : found.span.end_column - 1] == "hots"
    assert found.rule == "a"


@pytest.mark.parametrize(
    ("line", "severity"),
    [
        ("when: cpu > 5% # busy", None),
        ("when: cpu > 5%  #and disk > 5%", "warning"),
        ("when: mount == #1", "error"),
        ('when: mount == "#1"', None),
        ("when: 'cpu > 5% # and disk'", "error"),
        ("when: cpu > 5%\n    message: up # now", None),
        ("when: cpu > 5%\n    message: on {host} # {mount}", "warning"),
        ("when: cpu > 5%\n    message: '#1 on {host}' # note", None),
    ],
)
def test_a_hash_that_cuts_a_value_is_told_from_a_comment(check: Check, line: str, severity: str | None) -> None:
    """By what is left, and by what was cut off."""
    found = check(f"{HEAD}    {line}\n").diagnostics
    assert [str(each.severity) for each in found] == ([severity] if severity else [])
    assert all(each.code == codes.HASH_CUT or "'" in line for each in found)


def test_two_uses_in_one_rule_must_agree(check: Check) -> None:
    """The second is the one that is told."""
    text = HEAD.replace("metrics", "api") + '    where: colour == "red"\n    when: colour > 5\n'
    found = [each for each in check(text.replace("by: host", "by: service")).diagnostics if each.is_error]
    assert [each.code for each in found] == [codes.FIELD_CONFLICT]
