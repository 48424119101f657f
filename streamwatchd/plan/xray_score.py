"""A rule that shows what a model said of every row, odd or not, and what drove it."""

from __future__ import annotations

from dataclasses import replace

from streamwatchd.lang.typed import Compare, Kind, Literal, Time, Type
from streamwatchd.plan.xray import XRAY
from streamwatchd.rules.ruleset import Anomaly, Level, NoData, RuleSet

_MANY = 1_000_000


def score_xray(rules: RuleSet, rule: Anomaly) -> tuple[RuleSet, str]:
    """The rule set with an x-ray of the rule beside it, by the same version of the model, and the x-ray's name. Its
    anomaly events are all rows that the rule scores."""
    name = rule.name + XRAY
    always = Compare(">=", Time(), Literal(0.0, Type(Kind.NUMBER, "ms")))
    plain = replace(rule, no_data=NoData(), message=None, flapping=None)
    shown = replace(plain, name=name, levels=(Level("info", always),), max_active=_MANY)
    models = dict(rules.models)
    if rule.name in models:
        models[name] = models[rule.name]
    return replace(rules, rules=(*rules.rules, shown), models=models), name
