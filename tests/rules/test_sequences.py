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
        ("    sequence: [up, api: up]\n    within: 10m\n", codes.NOT_SUPPORTED_YET),
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
