"""How models score, as metrics: by model and version, of all rules that use them."""

from __future__ import annotations

from collections.abc import Iterator

from streamwatchd.operators.flow import Flow
from streamwatchd.operators.score import ScoreNode
from streamwatchd.operators.stage_spec import LogicalPlan
from streamwatchd.operators.tally import EDGES
from streamwatchd.ports.telemetry import Labels
from streamwatchd.repository.calibration import mean_score, share_of

ODD, UNUSUAL = 0.95, 0.5
"""The scores by which a version is held against its calibration."""


def counted(flow: Flow) -> Iterator[tuple[str, Labels, int]]:
    """Counts of a task, since its state began."""
    for node in flow.nodes.values():
        for version, tally in node.tallies if isinstance(node, ScoreNode) else ():
            labels = _labels(version)
            yield "model_scored", labels, tally.scored
            yield "model_unscored", labels, tally.unscored
            yield "model_failed", labels, tally.failed
            yield "model_anomalies", labels, tally.anomalies
            yield "model_score_thousandths", labels, round(1000 * tally.total)
            for edge, count in zip(EDGES, tally.above, strict=True):
                yield "model_scores", (("bound", f"{edge:g}"), *labels), count


def expected(plan: LogicalPlan) -> Iterator[tuple[str, Labels, float]]:
    """Of the versions in force, the share of scores from `ODD` and from `UNUSUAL` on that normal vectors have, and the
    mean of their scores."""
    for model in plan.models.values():
        for bound in (UNUSUAL, ODD):
            labels = (("bound", f"{bound:g}"), *_labels(model.manifest.id))
            yield "model_expected_ratio", labels, share_of(model.manifest.calibration, bound)
        yield "model_expected_score", _labels(model.manifest.id), mean_score(model.manifest.calibration)


def _labels(version: str) -> Labels:
    name, _, number = version.partition("@")
    return (("model", name), ("version", number))
