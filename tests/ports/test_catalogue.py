"""The catalogue of metrics keeps to its conventions."""

from __future__ import annotations

import re

import pytest

from streamwatchd.ports.catalogue import METRICS, Metric


@pytest.mark.parametrize("metric", METRICS.values(), ids=lambda metric: metric.name)
def test_a_metric_is_named_and_told_by_convention(metric: Metric) -> None:
    """Small letters, a sentence of help, known labels, ascending bounds."""
    assert re.fullmatch(r"[a-z][a-z0-9_]*", metric.name)
    assert metric.help.endswith(".")
    assert all(re.fullmatch(r"[a-z][a-z_]*", label) for label in metric.labels)
    assert list(metric.bounds) == sorted(set(metric.bounds))


def test_no_metric_is_there_twice() -> None:
    """Nor does one end as the samples of a histogram do."""
    assert len(METRICS) > 50
    assert not [name for name in METRICS if name.endswith(("_bucket", "_sum", "_count"))]
