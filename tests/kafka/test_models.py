"""Models while the daemon runs: a first version, a newer one, one that is withdrawn, one that lies; over a kill."""

from __future__ import annotations

import json
import shutil
import signal
from hashlib import sha256
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from streamwatchd.cli import main
from streamwatchd.ports.disk import RealDisk
from streamwatchd.repository.dispositions import read_dispositions
from streamwatchd.repository.store import GOOD, WITHDRAWN, ModelStore, Status
from tests.kafka.judged import Judged
from tests.kafka.site import Site
from tests.kafka.test_control_topic import say
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


def test_a_version_that_floods_is_taken_back(kafka: str, tmp_path: Path) -> None:
    """Within the running daemon: version 2 calls every window odd and is withdrawn; version 1 goes on. The alerts
    topic, the audit, `swctl status` and `swctl model list` tell of it."""
    site = Judged(kafka, tmp_path, "1s")

    def newest() -> object:
        events = site.output("anomalies")
        return max(events, key=lambda event: str(event["window"]["start"]))["version"] if events else None

    try:
        site.start_and_wait()
        site.feed(1_000)
        site.until(lambda: newest() == 1)
        site.put(2, threshold=0.0)
        site.until(lambda: site.health()[1].get("version", 0) >= 1)
        site.until(lambda: site.status_under_traffic(2) == WITHDRAWN, 120)
        site.until(lambda: site.health()[1].get("version", 0) >= 2)
        site.feed(1_000)
        site.until(lambda: newest() == 1)
        told = {"streamwatchd.model_floods", "streamwatchd.model_rolled_back"}
        site.until(lambda: told <= {alert["rule"] for alert in site.output("self_alerts")})
        (line,) = site.store.audited("mix")
        assert [line[name] for name in ("by", "version", "from", "to", "in_force")] == [
            "streamwatchd", 2, GOOD, WITHDRAWN, 1,
        ]  # fmt: skip
        status = CliRunner().invoke(main, ["status", "--socket", str(site.socket)])
        assert "mix@2 scored" in status.stdout
        assert "taken back, mix@1 takes over" in status.stdout
        listed = CliRunner().invoke(main, ["model", "list", "--models", str(site.models)]).stdout
        assert "→ mix@1" in listed
        assert "withdrawn" in listed
    finally:
        site.end()


def test_a_version_that_can_not_be_trusted_leaves_the_last_good_one_at_work(kafka: str, tmp_path: Path) -> None:
    """Weights that are NaN, under a manifest that vouches for them: told as a self-alert, refused by name, and version
    1 scores on; a third version that is good takes over."""
    site = Judged(kafka, tmp_path, "1h")

    def versions() -> set[object]:
        return {event["version"] for event in site.output("anomalies")}

    def told() -> set[object]:
        return {(alert["rule"], alert["event"]) for alert in site.output("self_alerts")}

    try:
        site.start_and_wait()
        site.feed(1_000)
        site.until(lambda: versions() == {1})
        put_spoilt(site.models, "mix", 2)
        site.until(lambda: ("streamwatchd.model_refused", "fired") in told())
        scored = len(site.output("anomalies"))
        site.feed(2_000)
        site.until(lambda: len(site.output("anomalies")) > scored)
        assert versions() == {1}
        listed = CliRunner().invoke(main, ["model", "list", "--models", str(site.models)]).stdout
        assert "refused" in listed
        assert "array `threshold` has a number that is NaN" in listed
        site.put(3, threshold=1e9)
        site.until(lambda: site.health()[1].get("version", 0) >= 1)
        site.feed(2_000)
        site.until(lambda: versions() == {1, 3})
        site.until(lambda: ("streamwatchd.model_refused", "resolved") in told())
        site.until_all_counted()
    finally:
        site.end()


def put_spoilt(models: Path, name: str, version: int) -> None:
    """A version whose manifest fits its artifact, whole before the folder has its name."""
    aside = models.parent / "aside"
    put_stump(aside, name, "n", version=version, every_ms=1_000)
    folder = aside / name / str(version)
    data = (folder / "model.safetensors").read_bytes()
    spoilt = data.replace(np.float64(50.0).tobytes(), np.float64(np.nan).tobytes())
    assert spoilt != data
    (folder / "model.safetensors").write_bytes(spoilt)
    manifest = (folder / "manifest.json").read_text()
    old, new = sha256(data).hexdigest(), sha256(spoilt).hexdigest()
    (folder / "manifest.json").write_text(manifest.replace(old, new))
    folder.rename(models / name / str(version))


def test_a_verdict_over_the_control_topic_shifts_the_model_in_force(kafka: str, tmp_path: Path) -> None:
    """What was marked a false positive is kept beside the model; the version with the shift scores the next windows."""
    site = Site(kafka, tmp_path)
    site.settings["control"] = json.dumps({"topic": f"{site.name}.control"})
    site.write({"odd.yaml": ODD}, kafka)
    models = tmp_path / "models"
    put_stump(models, "mix", "n", threshold=5.0, every_ms=10_000)
    store = ModelStore(RealDisk(), models)
    try:
        site.start_and_wait()
        site.until(lambda: bool(site.logged("control_topic_opened")))
        site.feed(3_000)
        site.until(lambda: bool(site.output("anomalies")))
        event = site.output("anomalies")[0]
        row = {"key": event["key"], "end": event["window"]["end"], "score": event["score"], "model": "mix"}
        verdict = {"kind": "disposition", "id": "d1", "rule": "odd", "verdict": "false_positive", "by": "ann"}
        say(site, {**verdict, **row, "version": 1})
        site.until(lambda: store.versions("mix") == [1, 2])
        site.until(lambda: site.health()[1].get("version", 0) >= 1)
        site.feed(3_000)
        site.until(lambda: {each["version"] for each in site.output("anomalies")} == {1, 2})
        (kept,) = read_dispositions(store.files, store.root, "mix")
        assert (kept.verdict, kept.key, kept.version, kept.by) == ("false_positive", event["key"], 1, "ann")
        assert store.read("mix", 2).manifest.calibration.shift < 0
    finally:
        site.end()
