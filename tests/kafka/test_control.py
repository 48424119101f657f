"""`swctl` and a running daemon, on a real Kafka."""

from __future__ import annotations

import json
import re
import urllib.request
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from streamwatchd.cli import main
from streamwatchd.ports.catalogue import METRICS, PREFIX
from tests.kafka.site import COUNTS, Site

pytestmark = pytest.mark.kafka


def swctl(site: Site, *arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments, "--config", str(site.config)], catch_exceptions=False)


def answer(site: Site, *arguments: str) -> dict[str, Any]:
    result: dict[str, Any] = json.loads(swctl(site, *arguments, "--json").stdout)
    return result


def test_a_running_daemon_says_how_it_is_and_reloads(kafka: str, tmp_path: Path) -> None:
    """Status, lag and reload, for people and for programs; without a daemon a sentence and exit code 2."""
    site = Site(kafka, tmp_path, source="key: k\n")
    rules = site.folder / "rules.d"
    try:
        gone = swctl(site, "status")
        assert (gone.exit_code, "no daemon listens at" in gone.stderr) == (2, True)
        site.start_and_wait()
        site.feed(1_000)
        site.until(lambda: answer(site, "lag")["lag"] == 0 and site.metric("streamwatchd_records_total") >= 1_000)
        lag = answer(site, "lag")["partitions"]
        assert sum(each["position"] for each in lag if each["topic"] == site.topic) >= 1_000
        explained = answer(site, "explain", "counts", "--key", "k=k1")
        # the site spreads each key over all partitions, whatever `key:` promises: each has a part of it
        assert {each["kind"] for each in explained["answers"]} == {"kpi"}
        assert {each["task"]["partition"] for each in explained["answers"]} == set(range(site.partitions))
        assert explained["problems"] == []
        unknown = swctl(site, "explain", "counts", "--key", "k=nobody")
        assert (unknown.exit_code, "it knows" in unknown.stderr) == (2, True)
        assert "0 alarms firing" in swctl(site, "alerts").stdout
        status = swctl(site, "status")
        assert status.exit_code == 0
        assert "2 of 2 shards at work" in status.stdout
        assert f"held by {site.topic}[" in status.stdout
        assert site.topic in swctl(site, "lag").stdout

        (rules / "bad.yaml").write_text("source: events\nrules:\n  - kpi: 3\n")
        (rules / "more.yaml").write_text(COUNTS.replace("counts", "more"))
        reloaded = swctl(site, "reload", "--wait")
        assert reloaded.exit_code == 1
        assert "is in force in every shard" in reloaded.stdout
        assert "bad.yaml" in reloaded.stdout
        after = answer(site, "status")
        assert [Path(each).name for each in after["rules"]["refused"]] == ["bad.yaml"]
        assert after["rules"]["version"] >= 1
        assert {each["rules_version"] for each in after["shards"]} == {after["rules"]["version"]}
        (rules / "bad.yaml").unlink()
        assert swctl(site, "reload", "--wait").exit_code == 0
        assert answer(site, "reload") == {"asked": True}

        as_it_runs = site.config.read_text()
        site.config.write_text(as_it_runs.replace("shards: 2", "shards: 3").replace("max_delay: 1s", "max_delay: 9s"))
        waiting = ["sources.events.max_delay: 1s → 9s", "shards: 2 → 3"]
        reloaded = swctl(site, "reload", "--wait")
        assert (reloaded.exit_code, "these settings wait for a restart:" in reloaded.stdout) == (1, True)
        assert answer(site, "status")["pending_settings"] == waiting
        assert "at the next start: shards: 2 → 3" in swctl(site, "status").stdout
        assert [line["settings"] for line in site.logged("restart_awaited")] == [waiting]
        assert site.metric("streamwatchd_pending_settings") == len(waiting)
        site.config.write_text(as_it_runs)
        assert swctl(site, "reload", "--wait").exit_code == 0
        assert answer(site, "status")["pending_settings"] == []
    finally:
        site.end()


def test_every_metric_of_a_running_daemon_is_in_the_catalogue(kafka: str, tmp_path: Path) -> None:
    """With its labels and no others; the parts of epochs and both latencies have counts."""
    site = Site(kafka, tmp_path, source="key: k\n")
    try:
        site.start_and_wait()
        site.feed(1_000)
        site.until(lambda: site.metric("streamwatchd_event_latency_seconds_count") > 0)
        site.until(lambda: site.metric("streamwatchd_consumer_lag_records") >= 0)
        with urllib.request.urlopen(f"http://127.0.0.1:{site.port}/metrics", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
        samples = [line for line in lines if not line.startswith("#")]
        for line in samples:
            name, _, rest = line.removeprefix(PREFIX).rpartition(" ")[0].partition("{")
            family = next(each for each in (name, name.rpartition("_")[0]) if each in METRICS)
            labels = set(re.findall(r'(\w+)="', rest)) - {"shard", "le"}
            assert labels <= set(METRICS[family].labels), line
        assert any("epoch_seconds_count" in line and 'part="produce"' in line for line in samples)
        assert any("node_seconds_total" in line and 'rule="counts"' in line for line in samples)
        assert site.metric("streamwatchd_record_latency_seconds_count") > 0
    finally:
        site.end()
