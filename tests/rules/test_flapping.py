"""`flapping:` of an alarm and of an anomaly rule."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from streamwatchd.rules import codes
from streamwatchd.rules.loader import Loaded
from streamwatchd.rules.ruleset import Alarm, Flapping
from tests.rules.test_alarm_building import HEAD, ON_ROWS, WINDOWED, errors, only
from tests.rules.test_anomaly_building import OWN, the_rule

Check = Callable[..., Loaded]
LINE = "    flapping: 6 changes in 30m until 2\n"
OCCURRENCE = "source: metrics\nrules:\n  - alarm: a\n    when: cpu > 85%\n"
SEQUENCE = HEAD + "    within: 10m\n    sequence: ['cpu > 85%', 'cpu > 90%']\n"


@pytest.mark.parametrize("rule", [WINDOWED, ON_ROWS, SEQUENCE + "    until: cpu < 10%\n"])
def test_so_many_changes_in_a_time_until_so_few(check: Check, rule: str) -> None:
    """Without `until` it is over when none is left."""
    assert only(check(rule + LINE)).flapping == Flapping(6, 1_800_000, 2)
    assert only(check(rule + LINE.replace(" until 2", ""))).flapping == Flapping(6, 1_800_000, 0)
    assert only(check(rule)).flapping is None


def test_anomaly_rules_flap_too(check: Check) -> None:
    """With the same words."""
    assert the_rule(check(OWN + LINE)).flapping == Flapping(6, 1_800_000, 2)


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("often", codes.WRONG_TYPE),
        ("6 in 30m", codes.WRONG_TYPE),
        ("6 changes in ever", codes.BAD_CHOICE),
        ("6 changes in 0s", codes.BAD_CHOICE),
        ("1 changes in 30m", codes.OUT_OF_RANGE),
        ("6 changes in 30m until 6", codes.OUT_OF_RANGE),
        ("5000 changes in 30m", codes.OUT_OF_RANGE),
    ],
)
def test_other_words_are_refused(check: Check, text: str, code: str) -> None:
    """With an example."""
    assert errors(check(WINDOWED + f"    flapping: {text}\n")) == [code]


@pytest.mark.parametrize("rule", [OCCURRENCE, SEQUENCE])
def test_what_never_comes_down_can_t_flap(check: Check, rule: str) -> None:
    """Where the rule says it; what a file says of all its rules does not reach there."""
    assert errors(check(rule + LINE)) == [codes.WINDOWLESS_FIELD]
    shared = "defaults: {flapping: 6 changes in 30m}\n"
    assert only(check(shared + rule)).flapping is None
    assert only(check(shared + WINDOWED)).flapping == Flapping(6, 1_800_000, 0)


def test_a_rule_takes_back_what_its_file_says(check: Check) -> None:
    """With `off`."""
    rules = WINDOWED + "    flapping: off\n  - alarm: b\n    by: host\n    when: avg(cpu over 5m) > 85%\n"
    found = check("defaults: {flapping: 6 changes in 30m}\n" + rules).ruleset
    first, second = (found.rule(name) for name in "ab")
    assert isinstance(first, Alarm)
    assert isinstance(second, Alarm)
    assert (first.flapping, second.flapping) == (None, Flapping(6, 1_800_000))
