"""`sequence:` read and refused."""

from __future__ import annotations

import pytest

from streamwatchd.plan.describe import describe
from streamwatchd.rules import codes
from streamwatchd.rules.ruleset import Alarm
from tests.rules.conftest import Check
from tests.rules.test_alarm_building import errors

HEAD = "source: metrics\nevery: 10s\nrules:\n  - alarm: a\n    by: host\n"


def test_steps_in_order_and_a_last_one_that_must_not_be(check: Check) -> None:
    """`not` in another place is a condition like any other."""
    text = "    within: 10m\n    sequence: [not cpu > 5%, disk > 5%, not (up or cpu > 9%)]\n    until: up\n"
    loaded = check(HEAD + text)
    assert errors(loaded) == []
    alarm = loaded.ruleset.rule("a")
    assert isinstance(alarm, Alarm)
    assert alarm.sequence is not None
    assert [describe(step) for step in alarm.sequence.steps] == ["not cpu > 5%", "disk > 5%"]
    assert alarm.sequence.never is not None
    assert describe(alarm.sequence.never) == "up or cpu > 9%"
    assert (alarm.sequence.within_ms, alarm.windowless, alarm.in_order) == (600_000, True, True)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("    sequence: [up, not up]\n", codes.MISSING_FIELD),
        ("    sequence: [up]\n    within: 10m\n", codes.OUT_OF_RANGE),
        ("    sequence: [not up]\n    within: 10m\n", codes.OUT_OF_RANGE),
        ("    sequence: [up, up]\n    within: 10m\n    when: up\n", codes.EXCLUSIVE_FIELDS),
        ("    sequence: [up, up]\n    within: 10m\n    no_data: alert after 5m\n", codes.EXCLUSIVE_FIELDS),
        ("    sequence: [up, up]\n    within: 10m\n    values: {x: avg(cpu over 5m)}\n", codes.EXCLUSIVE_FIELDS),
        ("    sequence: [up, {loose: x > 5, metrics: up}]\n    within: 10m\n", codes.EXCLUSIVE_FIELDS),
        ("    sequence: [up, {nowhere: up}]\n    within: 10m\n", codes.UNKNOWN_SOURCE),
        ("    when: up\n    within: 10m\n", codes.EXCLUSIVE_FIELDS),
        ("    when: up\n    until: not up\n", codes.EXCLUSIVE_FIELDS),
        ("    sequence: [up, cpu]\n    within: 10m\n", "SW208"),
    ],
)
def test_what_is_no_sequence_is_refused(check: Check, text: str, code: str) -> None:
    """With the way out."""
    loaded = check(HEAD + text)
    assert code in errors(loaded)
    assert all(each.hint for each in loaded.diagnostics if each.code == code)


@pytest.mark.parametrize("quoted", ["'loose: job == \"done\"'", "\"loose: job == 'done'\""])
def test_a_step_that_quotes_make_one_text_shows_the_mapping(check: Check, quoted: str) -> None:
    """One finding, with what to write."""
    (found,) = check(HEAD + f"    sequence: [{quoted}, up]\n    within: 10m\n").diagnostics
    assert found.code == codes.WRONG_TYPE
    assert found.hint.startswith("leave them out: `- loose: job ==")


def test_steps_of_other_sources_name_their_fields(check: Check) -> None:
    """And what such a source does not declare is known from its uses."""
    loaded = check(HEAD + '    sequence: [{loose: job == "done"}, up]\n    within: 10m\n')
    assert errors(loaded) == []
    alarm = loaded.ruleset.rule("a")
    assert isinstance(alarm, Alarm)
    assert alarm.sequence is not None
    assert (alarm.sources, alarm.sequence.of) == (("metrics", "loose"), ("loose", "metrics"))
    assert set(loaded.ruleset.sources["loose"].inferred) == {"host", "job", "site"}  # what tables are joined on, too


def test_a_source_of_a_step_has_the_keys_of_the_rule(check: Check) -> None:
    """Under the same names, and of the same kind; one that is not declared is doubted."""
    text = "source: %s\nrules:\n  - alarm: a\n    by: %s\n    sequence: [{%s: up}, x > 5]\n    within: 10m\n"
    assert codes.UNKNOWN_KEY in errors(check(text % ("loose", "cpu", "metrics")))
    loaded = check(text % ("loose", "link", "metrics"))
    assert errors(loaded) == []
    assert any("link" in each.message and not each.is_error for each in loaded.diagnostics)
