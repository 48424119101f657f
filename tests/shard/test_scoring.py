"""Counts of scores as metrics."""

from __future__ import annotations

import pytest

from streamwatchd.shard.scoring import expected
from tests.models.small import remembering
from tests.operators.test_score import RULES, Scored, _kinds, with_models

__all__ = ["_kinds"]


def test_scores_are_counted_by_model_and_version() -> None:
    """Over all tasks; what `when` finds and what its calibration expects beside it."""
    bench = (
        Scored(RULES, remembering("mean")).at(1, host="a", x=1).at(11, host="a", x=90).at(21, host="a", x=90).clock(30)
    )
    counters = bench.driver.shards[0].counters()
    version = (("model", "step"), ("version", "1"))
    found = {name: count for (name, labels), count in counters.items() if labels == version}
    scored = {"model_scored": 2, "model_unscored": 1, "model_failed": 0, "model_anomalies": 1}
    assert found == scored | {"model_score_thousandths": 1_611}
    assert counters["model_scores", (("bound", "0.95"), *version)] == 1
    unusual, odd, mean = expected(with_models(RULES, remembering("mean")).plan)
    assert unusual == ("model_expected_ratio", (("bound", "0.5"), *version), 1.0)
    assert odd == ("model_expected_ratio", (("bound", "0.95"), *version), pytest.approx((1 - 0.95) / 0.35))
    assert mean == ("model_expected_score", version, 1 - 0.35 / 2)
