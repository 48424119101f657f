"""Names that other systems use in rules get the way out of this language."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from streamwatchd.rules import rule_spec, settings_spec
from streamwatchd.rules.foreign_names import foreign_names
from streamwatchd.rules.loader import Loaded

HEAD = "source: metrics\nevery: 10s\nrules:\n  - alarm: a\n    by: host\n"


RECORDS = [*rule_spec.RULE.records.values(), settings_spec.SOURCE, settings_spec.SETTINGS]


@pytest.mark.parametrize("record", RECORDS, ids=lambda record: record.what)
def test_the_way_out_is_a_field_of_what_it_stands_in(record: rule_spec.Record) -> None:
    """And no name is one that is there already."""
    assert record.elsewhere
    for name, hint in record.elsewhere.items():
        assert record.field(name) is None
        assert all(record.field(field) is not None for field in re.findall(r"`(\w+):`", hint)), hint


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("for: 5m", "it is part of the condition: `when: C for 5m`"),
        ("annotations: {summary: hot}", "write its texts as `message:`, and a link as `runbook:`"),
        ("window: 5m", "it stands in the aggregate: `when: avg(x over 5m) > 5`"),
        ("levels: {critical: [cpu > 1]}", "write one text; join what must hold together with `and`"),
        ("severty: major", "did you mean `severity`?"),
    ],
)
def test_a_rule_with_a_foreign_name_is_told_ours(check: Callable[..., Loaded], line: str, hint: str) -> None:
    """One mistake, one finding; what is misspelt is so as ever."""
    rule = HEAD + f"    when: avg(cpu over 5m) > 85%\n    {line}\n"
    errors = [each for each in check(rule).diagnostics if each.is_error]
    assert [each.hint for each in errors] == [hint]


@pytest.mark.parametrize(
    ("condition", "words"),
    [
        ("avg(cpu over 5m) > 85% for 5m and max(cpu over 5m) > 99%", "put all of it before them"),
        ("avg(cpu over 5m) > 85% for 5min", "write `5m`"),
        ("avg(cpu over 90secs) > 85%", "write `90s`"),
        ("avg(cpu over 5) > 85%", "`5s` or `5m`"),
        ("avg(cpu over 5q) > 85%", "durations are"),
    ],
)
def test_holds_and_durations_get_the_form_of_this_language(
    check: Callable[..., Loaded], condition: str, words: str
) -> None:
    """The way out says what to type."""
    (error,) = [each for each in check(HEAD + f"    when: {condition}\n").diagnostics if each.is_error]
    assert words in error.hint


def test_a_name_that_stands_for_a_condition_brings_no_echo(check: Callable[..., Loaded]) -> None:
    """That `when` and `by` are not there is said by what stands in their place."""
    rule = HEAD.replace("by: host", "group_by: host") + "    expr: avg(cpu over 5m) > 85%\n"
    errors = [each for each in check(rule).diagnostics if each.is_error]
    assert [each.hint for each in errors] == ["write `by:`", "write `when:`"]


def test_a_window_is_said_where_the_rule_has_it() -> None:
    """Beside the step of a KPI, within the aggregates of an alarm."""
    assert "`over:`" in foreign_names(("over", "every", "when"))["window"]
    assert "avg(x over 5m)" in foreign_names(("when",))["window"]
    assert "threshold" not in foreign_names(("over", "every", "when"))
