"""Anomaly rules: what is scored, by what, and how it is judged."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from streamwatchd.lang.typed import Field
from streamwatchd.rules import codes
from streamwatchd.rules.loader import Loaded
from streamwatchd.rules.ruleset import Anomaly

Check = Callable[..., Loaded]
HEAD = """\
source: metrics
every: 1m
rules:
  - kpi: load
    by: host
    values: {mean: avg(cpu), peak: max(cpu), name: last(mount)}
"""
ON_KPI = (
    HEAD + "  - anomaly: odd\n    source: load\n    model: mix\n    features: [peak, mean]\n    when: score > 0.9\n"
)
OWN = """\
source: metrics
every: 1m
rules:
  - anomaly: odd
    by: host
    model: mix@7
    values: {high: max(cpu)}
    features: [high]
    when: score > 0.9
"""


def errors(loaded: Loaded) -> list[str]:
    return [each.code for each in loaded.diagnostics if each.is_error]


def the_rule(loaded: Loaded) -> Anomaly:
    assert errors(loaded) == []
    rule = loaded.ruleset.rule("odd")
    assert isinstance(rule, Anomaly)
    return rule


def test_columns_of_a_kpi_are_features_and_its_keys_the_keys(check: Check) -> None:
    """In the order in which they are written, with their units."""
    rule = the_rule(check(ON_KPI))
    assert rule.features == ("peak", "mean")
    assert [type_.unit for type_ in rule.feature_types] == ["percent", "percent"]
    assert [key.name for key in rule.by] == ["host"]
    assert not rule.windowed
    assert isinstance(rule.values[0].expr, Field)


def test_a_rule_may_make_windows_of_its_own(check: Check) -> None:
    """Then features are its values."""
    rule = the_rule(check(OWN))
    assert (rule.windowed, rule.features, rule.model, rule.every_ms) == (True, ("high",), "mix@7", 60_000)


def test_levels_and_message_read_the_scored_row(check: Check) -> None:
    """Values, keys, columns of the keys' tables, and the score."""
    text = ON_KPI.replace("    when: score > 0.9\n", "") + (
        "    levels: {critical: score > 0.99 and peak > 90%, warning: score > 0.9 for 5m until score < 0.5}\n"
        '    message: "{host} ({role}) {score} {peak}"\n'
    )
    rule = the_rule(check(text))
    assert [level.severity for level in rule.levels] == ["critical", "warning"]


def test_other_rules_read_its_rows(check: Check) -> None:
    """By its name, the score among the columns."""
    loaded = check(ON_KPI + "  - {alarm: more, source: odd, by: host, when: score > 0.5 and mean > 5%}\n")
    assert errors(loaded) == []


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (ON_KPI.replace("source: load\n", "source: metrics\n"), codes.NO_AGGREGATE),
        (ON_KPI.replace("[peak, mean]", "[peak, name]"), codes.BAD_FEATURE),
        (ON_KPI.replace("[peak, mean]", "[peak, peek]"), codes.BAD_FEATURE),
        (ON_KPI.replace("[peak, mean]", "[peak, host]"), codes.BAD_FEATURE),
        (ON_KPI.replace("[peak, mean]", "[peak, peak]"), codes.DUPLICATE_KEY),
        (ON_KPI.replace("    model: mix\n", ""), codes.MISSING_FIELD),
        (ON_KPI.replace("model: mix", "model: mix@0"), codes.WRONG_TYPE),
        (ON_KPI.replace("    model", "    by: [host, mount]\n    model"), codes.UNKNOWN_KEY),
        (ON_KPI.replace("    model", "    every: 5m\n    model"), codes.WINDOW_STEP),
        (ON_KPI.replace("    when: score > 0.9\n", ""), codes.MISSING_FIELD),
        (ON_KPI.replace("score > 0.9", "avg(score over 5m) > 0.9"), "SW218"),
        (OWN.replace("every: 1m\n", ""), codes.NO_STEP),
        (OWN.replace("high", "score"), codes.NAME_TAKEN),
        (OWN.replace("[high]", "[hihg]"), codes.BAD_FEATURE),
    ],
)
def test_mistakes(check: Check, text: str, code: str) -> None:
    """One finding each."""
    assert errors(check(text)) == [code]
