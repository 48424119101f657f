"""Models while the daemon runs: a first version, a newer one, one that is withdrawn, one that lies; over a kill."""

from __future__ import annotations

import shutil
import signal
from pathlib import Path

import pytest

from streamwatchd.ports.disk import RealDisk
from streamwatchd.repository.store import WITHDRAWN, ModelStore, Status
from tests.kafka.site import Site
from tests.models.stump import put_stump
from tests.published import misfits

pytestmark = pytest.mark.kafka
ODD = """
source: events
every: 10s
rules:
  - anomaly: odd
    by: k
    model: mix
    values: {n: count()}
    features: [n]
    when: score > 0.9
"""


def test_versions_come_and_go_at_instants(kafka: str, tmp_path: Path) -> None:
    """No version scores nothing; then each scores windows after its instant, every window once, whatever is killed."""
    site = Site(kafka, tmp_path)
    models = tmp_path / "models"
    models.mkdir()
    (tmp_path / "rules.d" / "odd.yaml").write_text(ODD)

    def put(version: int) -> None:
        put_stump(models, "mix", "n", version=version, threshold=5.0, every_ms=10_000)

    def versions() -> set[object]:
        return {event["version"] for event in site.output("anomalies")}

    def scored_by(wanted: set[object], version: int) -> None:
        site.until(lambda: site.health()[1].get("version", 0) >= version)
        site.feed(3_000)
        site.until(lambda: versions() == wanted)

    try:
        site.start_and_wait()
        put(1)
        scored_by({1}, 1)
        put(2)
        scored_by({1, 2}, 2)
        site.signal(signal.SIGKILL)
        site.start_and_wait()
        shutil.copytree(models / "mix" / "2", models / "mix" / "3")
        ModelStore(RealDisk(), models).set_status("mix", 2, Status(WITHDRAWN))
        site.until(lambda: site.health()[1].get("version", 0) >= 3)
        site.feed(3_000)
        site.until_all_counted()
        events = site.output("anomalies")
        assert misfits("anomaly", events) == []
        places = [(event["key"]["k"], event["window"]["start"]) for event in events if event["key"]["k"] != "end"]
        assert len(places) == len(set(places))
        newest = max(events, key=lambda event: str(event["window"]["start"]))
        assert newest["version"] == 1
        assert versions() == {1, 2}
        assert {alert["event"] for alert in site.output("alerts")} == {"fired"}
    finally:
        site.end()
