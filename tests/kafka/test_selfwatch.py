"""The daemon speaks of itself on a real Kafka."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.kafka.site import COUNTS, Site
from tests.published import misfits

pytestmark = pytest.mark.kafka


@pytest.fixture
def site(kafka: str, tmp_path: Path) -> Iterator[Site]:
    limits = {"quiet": "2s", "heartbeat_every": "1s"}
    site = Site(kafka, tmp_path, self_alerts=json.dumps(limits))
    yield site
    site.end()


def alerts(site: Site, rule: str) -> list[dict[str, Any]]:
    return [each for each in site.output("self_alerts") if each["rule"] == f"streamwatchd.{rule}"]


def test_a_killed_worker_and_a_bad_file_are_told_and_clear(site: Site) -> None:
    """Fired and resolved under one id, in the form of all alerts, and the heart beats meanwhile."""
    site.start_and_wait()
    os.kill(site.workers()[0], signal.SIGKILL)
    bad = site.folder / "rules.d" / "bad.yaml"
    bad.write_text("rules: [\n")
    site.until(lambda: bool(alerts(site, "worker_restarted")) and bool(alerts(site, "rule_file_invalid")))
    bad.unlink()
    site.until(lambda: len(alerts(site, "worker_restarted")) == 2 and len(alerts(site, "rule_file_invalid")) == 2)
    for rule in ("worker_restarted", "rule_file_invalid"):
        fired, resolved = alerts(site, rule)
        assert (fired["event"], resolved["event"], fired["id"]) == ("fired", "resolved", resolved["id"])
    assert alerts(site, "worker_restarted")[0]["key"]["reason"] == "SIGKILL"
    beats = site.output("heartbeat")
    numbers = [each["seq"] for each in beats]
    assert len(numbers) >= 2
    assert numbers == sorted(set(numbers))
    assert misfits("alert", [*beats, *site.output("self_alerts")]) == []
    site.until(lambda: site.metric("streamwatchd_self_alerts_unwritten") == 0)


def test_what_ends_the_daemon_is_told(site: Site, kafka: str) -> None:
    """Another daemon takes its shards over: it says so, and leaves."""
    site.start_and_wait()
    site.feed(500)
    site.until(lambda: site.metric("streamwatchd_epoch_number") >= 1)
    other = Site(kafka, site.folder / "other", create=False, name=site.name)
    try:
        other.settings = site.settings | {"listen": f"'127.0.0.1:{other.port}'"}
        other.write({"counts.yaml": COUNTS}, kafka)
        other.start()
        assert site.process is not None
        assert site.process.wait(120) == 3
        assert alerts(site, "fenced")[0]["severity"] == "critical"
    finally:
        other.end()
