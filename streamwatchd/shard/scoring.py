"""How models score, as metrics: by model and version, of all rules that use them."""

from __future__ import annotations

from collections.abc import Iterator

from streamwatchd.operators.flow import Flow
from streamwatchd.operators.score import ScoreNode
from streamwatchd.operators.spec import LogicalPlan
from streamwatchd.operators.tally import EDGES
from streamwatchd.ports.telemetry import Labels
from streamwatchd.repository.calibration import alarms_per_day

ODD = 0.95
"""The score by which a version is held against its calibration."""


def counted(flow: Flow) -> Iterator[tuple[str, Labels, int]]:
    """Counts of a task, since its state began."""
    for node in flow.nodes.values():
        for version, tally in node.tallies if isinstance(node, ScoreNode) else ():
            labels = _labels(version)
            yield "model_scored", labels, tally.scored
            yield "model_unscored", labels, tally.unscored
            yield "model_failed", labels, tally.failed
            yield "model_anomalies", labels, tally.anomalies
            for edge, count in zip(EDGES, tally.above, strict=True):
                yield "model_scores", (("bound", f"{edge:g}"), *labels), count


def expected(plan: LogicalPlan) -> Iterator[tuple[str, Labels, float]]:
    """Of the versions in force, the share of scores from `ODD` on that normal vectors have."""
    for model in plan.models.values():
        share = min(1.0, alarms_per_day(ODD) / model.manifest.calibration.per_day)
        yield "model_expected_ratio", _labels(model.manifest.id), share


def _labels(version: str) -> Labels:
    name, _, number = version.partition("@")
    return (("model", name), ("version", number))
