"""The state folder is gone, on a real Kafka: the journal topic has what is needed, or it is said what is not."""

from __future__ import annotations

import shutil
import signal
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from streamwatchd.daemon.process import EXIT_MISMATCH
from streamwatchd.ports.kafka import Partition, Record
from streamwatchd.shard.journal import payloads
from tests.kafka.site import COUNTS, Site
from tests.kafka.test_control import answer
from tests.kafka.test_silences import RULES, told

pytestmark = pytest.mark.kafka


def test_a_lost_state_folder_is_rebuilt_by_replay(kafka: str, tmp_path: Path) -> None:
    """Over a change of rules and two changes of the number of shards; then rules go on changing."""
    site = Site(kafka, tmp_path)
    try:
        site.start_and_wait()
        feed_and_wait(site, 400)
        for shards in (5, 3):
            site.signal(signal.SIGTERM)
            site.settings["shards"] = shards
            site.write({"counts.yaml": COUNTS}, kafka)
            site.start_and_wait()
            site.feed(200)
            site.until(lambda: site.metric("streamwatchd_records_total") >= 200)
        site.signal(signal.SIGTERM)
        shutil.rmtree(tmp_path / "state")
        site.start_and_wait()
        assert site.logged("versions_rebuilt")
        site.feed(100)
        more = COUNTS.replace("counts", "more")
        (tmp_path / "rules.d" / "more.yaml").write_text(more)
        site.until(lambda: bool(site.logged("rules_switched")))
        (tmp_path / "rules.d" / "more.yaml").unlink()
        site.until(lambda: len(site.logged("rules_switched")) == 2)
        site.until_all_counted()
    finally:
        site.end()


def test_what_was_edited_since_comes_back_too(kafka: str, tmp_path: Path) -> None:
    """Rules and rows that no folder has any more, and settings: the replay meets those that ran then."""
    devices = tmp_path / "enrichment.d" / "devices.csv"
    devices.parent.mkdir()
    devices.write_text("device,site\nk0,paris\n")
    site = Site(kafka, tmp_path, source="enrich: {devices: k}")
    try:
        site.start_and_wait()
        feed_and_wait(site, 3_000)
        edit(site, tmp_path / "rules.d" / "counts.yaml", COUNTS.replace("every: 10s", "every: 20s"))
        feed_and_wait(site, 3_000)
        edit(site, devices, "device,site\nk0,lyon\n")
        feed_and_wait(site, 3_000)
        edit(site, tmp_path / "rules.d" / "counts.yaml", COUNTS.replace("by: k", "by: [k, site]"))
        feed_and_wait(site, 3_000)
        site.signal(signal.SIGTERM)
        shutil.rmtree(tmp_path / "state")
        before = site.output("kpis")
        devices.write_text("device,site\nk0,nice\n")
        site.source = "enrich: {devices: k}, idle_after: 5s"
        site.write({"counts.yaml": COUNTS.replace("by: k", "by: [k, site]")}, kafka)
        site.start_and_wait()
        assert site.logged("versions_rebuilt")[-1]["versions"] == 4
        assert site.logged("rules_rebuilt")[-1]["contents"] == 4
        site.until(lambda: len(site.logged("rules_switched")) == 4)
        feed_and_wait(site, 3_000)
        site.finish()
        site.until(lambda: any(row["key"].get("site") == "nice" for row in site.output("kpis")))
        assert {row["key"].get("site") for row in before} == {None, "lyon"}
        assert all(site.output("kpis").count(row) == 1 for row in before)
        assert {count for each, count in site.windows().items() if each[0] == "k0"} == {1}
    finally:
        site.end()


def test_sources_of_then_are_asked_for_where_others_are_read_now(kafka: str, tmp_path: Path) -> None:
    """The only source has another topic since, and its offsets are of the one before."""
    site = Site(kafka, tmp_path)
    try:
        site.start_and_wait()
        feed_and_wait(site, 2_400)
        site.signal(signal.SIGTERM)
        shutil.rmtree(tmp_path / "state")
        site.topic = f"{site.name}.renamed"
        site.create_topic()
        site.write({"counts.yaml": COUNTS}, kafka)
        site.start_and_wait()
        assert site.logged("versions_rebuilt")[-1]["versions"] == 1
        site.until(lambda: len(site.logged("rules_switched")) == 1)
        before = site.sent
        feed_and_wait(site, 2_600)
        site.finish()
        site.until(lambda: any(row["window"]["start"] == "2026-01-05T00:00:40.000Z" for row in site.kpis()))
        assert set(site.windows().values()) == {1}
        ended = sum(row["values"]["n"] for row in site.kpis() if row["window"]["end"] <= "2026-01-05T00:00:20.000Z")
        assert (before, ended) == (2_400, 2_000)
    finally:
        site.end()


def test_rules_that_are_kept_nowhere_are_named(kafka: str, tmp_path: Path) -> None:
    """A replay under other rules would be another state: it is refused before any worker starts."""
    site = Site(kafka, tmp_path)
    try:
        site.start_and_wait()
        feed_and_wait(site, 400)
        site.signal(signal.SIGTERM)
        before = len(site.output("kpis"))
        shutil.rmtree(tmp_path / "state")
        forget_the_contents(site)
        site.write({"counts.yaml": COUNTS.replace("every: 10s", "every: 20s")}, kafka)
        workers = len(site.logged("worker_started"))
        site.start()
        assert site.process is not None
        assert site.process.wait(60) == EXIT_MISMATCH
        (refused,) = site.logged("start_refused")
        assert "needed for a replay" in refused["reason"]
        assert "check out the rules that ran then" in refused["reason"]
        assert len(site.logged("worker_started")) == workers
        assert len(site.output("kpis")) == before
        site.write({"counts.yaml": COUNTS}, kafka)
        site.start_and_wait()
        site.until_all_counted()
    finally:
        site.end()


def test_rules_of_several_versions_are_given_one_after_the_other(kafka: str, tmp_path: Path) -> None:
    """Each start keeps those that it has, and is refused until none is missing; then the state is rebuilt."""
    site = Site(kafka, tmp_path)
    more = tmp_path / "rules.d" / "more.yaml"
    edits = [COUNTS.replace("counts", name) for name in ("more", "again")]
    try:
        site.start_and_wait()
        feed_and_wait(site, 400)
        for text in edits:
            edit(site, more, text)
        site.signal(signal.SIGTERM)
        shutil.rmtree(tmp_path / "state")
        forget_the_contents(site)
        refused(site)
        more.unlink()
        assert "version 0" not in refused(site)
        more.write_text(edits[0])
        site.start_and_wait()
        site.finish()

        def counted() -> list[dict[str, Any]]:
            return [row for row in site.kpis() if row["kpi"] == "counts"]

        site.until(lambda: sum(row["values"]["n"] for row in counted()) >= site.sent)
        windows = Counter((row["key"]["k"], row["window"]["start"]) for row in counted())
        assert set(windows.values()) == {1}
        assert sum(row["values"]["n"] for row in counted()) == site.sent
    finally:
        site.end()


def test_acknowledgements_and_silences_come_back_with_the_rules(kafka: str, tmp_path: Path) -> None:
    """They were in no folder but the lost one; each makes a version, and the last ones stay in force."""
    site = Site(kafka, tmp_path, source="key: k\n")
    site.write({"busy.yaml": RULES}, kafka)
    try:
        site.start_and_wait()
        site.feed(2_000)
        site.until(lambda: ("fired", None, None) in told(site))
        answer(site, "silence", "busy", "--key", "k=k1", "--until", "2999-01-01", "--reason", "works")
        version = answer(site, "ack", "busy", "--key", "k=k0", "--by", "anna")["version"]
        site.feed(2_000)
        site.until(lambda: ("acknowledged", "anna", None) in told(site))
        site.signal(signal.SIGTERM)
        before = told(site)
        shutil.rmtree(tmp_path / "state")
        site.start_and_wait()
        assert site.logged("versions_rebuilt")[-1]["versions"] == version + 1
        assert [each["reason"] for each in answer(site, "silences")["silences"]] == ["works"]
        site.feed(6_000)
        site.until(lambda: site.metric("streamwatchd_records_total") >= 6_000)
        site.finish()
        assert told(site)[: len(before)] == before
        assert "repeated" not in [event for event, _, _ in told(site)[len(before) :]]
        assert [each["version"] for each in site.logged("rules_switched")] == list(range(1, version + 1))
    finally:
        site.end()


def forget_the_contents(site: Site) -> None:
    """As where the journal topic does not retain them."""
    journal = f"{site.name}.journal"
    keys = {key for key, _ in payloads(site.kafka, Partition(journal, 0)) if key is not None}
    writer = site.kafka.plain_writer()
    writer.send(Record(journal, None, key, 0) for key in keys if key.startswith(b"content/"))
    writer.flush(30)
    writer.close()


def feed_and_wait(site: Site, count: int) -> None:
    before = site.metric("streamwatchd_records_total")
    site.feed(count)
    site.until(lambda: site.metric("streamwatchd_records_total") >= before + count)


def edit(site: Site, path: Path, text: str) -> None:
    made = len(site.logged("rules_switched"))
    path.write_text(text)
    site.until(lambda: len(site.logged("rules_switched")) == made + 1)


def refused(site: Site) -> str:
    site.start()
    assert site.process is not None
    assert site.process.wait(60) == EXIT_MISMATCH
    return str(site.logged("start_refused")[-1]["reason"])
