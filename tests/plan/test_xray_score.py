"""An x-ray of an anomaly rule: every row, by the version that the rule takes."""

from __future__ import annotations

from dataclasses import replace

from streamwatchd.plan.xray_score import score_xray
from streamwatchd.rules.ruleset import Anomaly
from tests.models.small import remembering
from tests.operators.bench import compiled
from tests.operators.test_score import RULES, _kinds

__all__ = ["_kinds"]


def test_the_x_ray_stands_beside_the_rule() -> None:
    """With the same model; the rule itself is as it was."""
    rules = replace(compiled(RULES).loaded.ruleset, models={"jump": remembering("mean")})
    rule = rules.rule("jump")
    assert isinstance(rule, Anomaly)
    shown, name = score_xray(rules, rule)
    assert shown.rule("jump") == rule
    assert shown.models[name] is shown.models["jump"]
    assert [level.severity for level in shown.rule(name).levels] == ["info"]  # type: ignore[union-attr]
