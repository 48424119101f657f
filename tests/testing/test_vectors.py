"""Vectors as a model gets them, for those who train one."""

from __future__ import annotations

import numpy as np
import pytest

from streamwatchd.repository.manifest import Feature
from streamwatchd.testing.vectors import Tap, anomaly_rule, features_of
from tests.operators.bench import Bench, compiled

RULES = """\
  - kpi: load
    by: host
    every: 10s
    values: {mean: avg(x), n: count()}
  - {anomaly: odd, source: load, model: mix, features: [n, mean], when: score > 0.9}
"""


def test_each_key_and_window_gives_a_row() -> None:
    """In the order of the features; a null is NaN. No model is needed."""
    bench = Bench(RULES)
    tap = Tap(bench.driver, "odd")
    bench.at(1, host="a", x=10).at(2, host="b", x=20).at(3, host="b", x=30).at(12, host="a").clock(20)
    first, second = tap.take()
    assert first.keys == [("a",), ("b",)]
    assert first.vectors.tolist() == [[1.0, 10.0], [2.0, 25.0]]
    assert (np.diff(first.times_ms).tolist(), int(second.times_ms[0] - first.times_ms[0])) == ([0], 10_000)
    assert second.vectors[0, 0] == 1.0
    assert np.isnan(second.vectors[0, 1])
    assert tap.take() == []


def test_features_are_told_as_a_manifest_has_them() -> None:
    """Names, units and texts."""
    rules = compiled(RULES).loaded.ruleset
    assert features_of(anomaly_rule(rules, "odd")) == [Feature("n", "", "n"), Feature("mean", "percent", "mean")]


def test_an_unknown_rule_is_told() -> None:
    """Also one that is no anomaly rule."""
    with pytest.raises(KeyError):
        Tap(Bench(RULES).driver, "load")
    with pytest.raises(KeyError):
        anomaly_rule(compiled(RULES).loaded.ruleset, "load")
