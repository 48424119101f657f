"""`params:`: constants by name, of the file, of a rule, and of what it extends."""

from __future__ import annotations

import pytest

from streamwatchd.plan.describe import describe
from streamwatchd.rules import codes
from streamwatchd.rules.ruleset import Alarm
from tests.rules.conftest import Check
from tests.rules.test_alarm_building import errors

FILE = """source: metrics
every: 10s
params: {limit: 85%, wanted: web}
rules:
  - alarm: high
    by: host
    where: mount == wanted
    when: avg(cpu where disk > limit over 5m) > limit
    message: "over {limit}"
  - alarm: higher
    extends: high
    params: {limit: 95%}
"""


def condition(check: Check, text: str, name: str) -> str:
    loaded = check(text)
    assert errors(loaded) == []
    rule = loaded.ruleset.rule(name)
    assert isinstance(rule, Alarm)
    return describe(rule.levels[0].when)


@pytest.mark.parametrize(("name", "limit"), [("high", "85%"), ("higher", "95%")])
def test_a_rule_s_own_takes_the_place_of_the_file_s(check: Check, name: str, limit: str) -> None:
    """Inside aggregates too; the other parameters stay."""
    assert condition(check, FILE, name) == f"avg(cpu where disk > {limit} over 5m) > {limit}"
    rule = check(FILE).ruleset.rule(name)
    assert rule.where is not None
    assert describe(rule.where) == 'mount == "web"'


@pytest.mark.parametrize(
    ("params", "code"),
    [
        ("{limit: cpu + 1}", codes.WRONG_TYPE),
        ("{cpu: 5%}", codes.NAME_TAKEN),
        ("{limit: [1]}", codes.WRONG_TYPE),
        ("{limit: high}", "SW207"),
    ],
)
def test_what_is_no_constant_is_refused(check: Check, params: str, code: str) -> None:
    """Or has the name of a field, or does not fit where it stands."""
    text = f"source: metrics\nrules:\n  - alarm: a\n    by: host\n    params: {params}\n    when: cpu > limit\n"
    found = errors(check(text))
    assert code in found


def test_a_value_can_t_have_the_name_of_a_parameter(check: Check) -> None:
    """Nobody could tell which is meant."""
    text = FILE.replace("    message", "    values: {limit: max(cpu over 5m)}\n    message")
    assert codes.NAME_TAKEN in errors(check(text))
