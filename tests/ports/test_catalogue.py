"""The catalogue of metrics keeps to its conventions."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import streamwatchd
from streamwatchd.ports.catalogue import METRICS, Metric

SOURCE = Path(streamwatchd.__file__).parent


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


def test_each_metric_is_set_somewhere() -> None:
    """One that is only told of would be 0 for ever, and the self-alert on it silent."""
    told = {"catalogue.py", "conditions.py"}
    code = "".join(path.read_text("utf-8") for path in SOURCE.rglob("*.py") if path.name not in told)
    assert [name for name in METRICS if not re.search(rf'"{name.removesuffix("_total")}(_total)?"', code)] == []
