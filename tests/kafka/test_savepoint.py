"""A savepoint before an upgrade, restored after it, on a real Kafka: as docs/operations.md has it."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from streamwatchd.cli import main
from streamwatchd.ports.kafka import Partition
from tests.kafka.site import COUNTS, START_MS, Site

pytestmark = pytest.mark.kafka


def swctl(site: Site, *arguments: str) -> str:
    result = CliRunner().invoke(main, [*arguments, "--config", str(site.config)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def restore(site: Site, url: str) -> tuple[int, str]:
    command = [sys.executable, "-m", "streamwatchd", "--config", str(site.config), "--restore", url]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    return done.returncode, done.stderr


def test_a_savepoint_before_an_upgrade_is_restored_after_it(kafka: str, tmp_path: Path) -> None:
    """The state folder is gone; what came after the savepoint is replayed, muted, and counting goes on."""
    site = Site(kafka, tmp_path)
    state, saves = tmp_path / "state", tmp_path / "saves"
    try:
        site.start_and_wait()
        site.feed(500)
        site.until(lambda: site.metric("streamwatchd_records_total") >= 500)
        said = json.loads(swctl(site, "savepoint", "--out", str(saves), "--name", "before", "--json"))
        assert said["shards"] == 2
        site.feed(300)
        site.until(lambda: site.metric("streamwatchd_records_total") >= 800)
        assert "before" in swctl(site, "savepoint", "--list", "--out", str(saves))
        site.signal(signal.SIGTERM)

        code, words = restore(site, said["url"])
        assert (code, "move the folder away first" in words) == (4, True)
        state.rename(tmp_path / "old")
        code, words = restore(site, f"file://{saves}/nothing")
        assert (code, "there is no savepoint" in words) == (4, True)
        code, words = restore(site, said["url"])
        assert (code, "epoch(s) that came after it" in words) == (0, True), words
        site.start_and_wait()
        site.feed(200)
        site.until_all_counted()
        site.signal(signal.SIGTERM)

        shutil.rmtree(state)
        too_old(site)
        code, words = restore(site, said["url"])
        assert (code, "too old" in words) == (4, True), words
    finally:
        site.end()


def test_a_savepoint_after_an_edit_that_is_forgotten_is_restored(kafka: str, tmp_path: Path) -> None:
    """The journal topic names the rules before the edit, the savepoint rightly lacks them: no start needs them."""
    site = Site(kafka, tmp_path)
    state, saves = tmp_path / "state", tmp_path / "saves"
    try:
        site.start_and_wait()
        site.feed(200)
        site.until(lambda: site.metric("streamwatchd_records_total") >= 200)
        (tmp_path / "rules.d" / "more.yaml").write_text(COUNTS.replace("counts", "more"))
        site.until(lambda: bool(site.logged("rules_switched")))

        def is_forgotten() -> bool:
            site.feed(40, t=START_MS + 3_600_000 + 10 * site.sent)
            return len(list((state / "content").iterdir())) == 1

        site.until(is_forgotten)
        url = json.loads(swctl(site, "savepoint", "--out", str(saves), "--name", "x", "--json"))["url"]
        site.signal(signal.SIGTERM)
        state.rename(tmp_path / "old")
        code, words = restore(site, url)
        assert code == 0, words
        site.start_and_wait()
        site.feed(100, t=START_MS + 7_200_000)
        site.until(lambda: site.metric("streamwatchd_records_total") >= 100)
        assert not site.logged("start_refused")
    finally:
        site.end()


def too_old(site: Site) -> None:
    """The journal topic has forgotten what came after the savepoint."""
    from confluent_kafka import TopicPartition
    from confluent_kafka.admin import AdminClient

    topic = f"{site.name}.journal"
    admin = site.kafka.admin()
    count = admin.partitions_of([topic])[topic]
    ends = admin.end_offsets([Partition(topic, number) for number in range(count)])
    admin.close()
    client = AdminClient({"bootstrap.servers": site.kafka.options["bootstrap.servers"]})
    wanted = [TopicPartition(each.topic, each.partition, end) for each, end in ends.items() if end]
    for done in client.delete_records(wanted).values():
        done.result(30)
