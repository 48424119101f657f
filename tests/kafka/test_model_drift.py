"""Versions that no longer fit the traffic, in a running daemon on a real Kafka."""

from __future__ import annotations

from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner

from streamwatchd.cli import main
from streamwatchd.repository.manifest import Calibration
from streamwatchd.repository.store import GOOD, WITHDRAWN
from tests.kafka.judged import Judged
from tests.models.stump import CALIBRATION

pytestmark = pytest.mark.kafka
UNUSUAL = msgspec.structs.replace(CALIBRATION, tail=msgspec.structs.replace(CALIBRATION.tail, scale=0.0655))
"""What the stump finds odd scores 0.7."""
SAME = msgspec.structs.replace(CALIBRATION, body=[0.507, 0.6])
"""What it finds usual scores nearly 0."""


@pytest.mark.parametrize(
    ("alert", "threshold", "calibration"), [("model_drifts", 0.0, UNUSUAL), ("model_blind", 1e9, SAME)]
)
def test_a_version_that_no_longer_fits_is_taken_back(
    kafka: str, tmp_path: Path, alert: str, threshold: float, calibration: Calibration
) -> None:
    """Every window scores higher than most should, none so high as an anomaly; or every one next to nothing. Version 1
    takes over, and `swctl explain` of the running daemon names it."""
    site = Judged(kafka, tmp_path, "100ms")
    try:
        site.start_and_wait()
        site.feed(1_000)
        site.until(lambda: bool(site.output("anomalies")))
        site.put(2, threshold=threshold, calibration=calibration)
        site.until(lambda: site.status_under_traffic(2) == WITHDRAWN, 120)
        site.until(lambda: site.health()[1].get("version", 0) >= 2)
        site.until(lambda: f"streamwatchd.{alert}" in {each["rule"] for each in site.output("self_alerts")})
        (line,) = site.store.audited("mix")
        assert [line[name] for name in ("version", "from", "to", "in_force")] == [2, GOOD, WITHDRAWN, 1]
        site.feed(1_000)

        def explained() -> str:
            asked = ["explain", "each", "--key", "k=k0", "--socket", str(site.socket)]
            return CliRunner().invoke(main, asked).output

        site.until(lambda: "by mix@1 for the window" in explained())
        assert "n  100% of it" in explained() or "no feature stands out" in explained()
    finally:
        site.end()
