"""Topics that the daemon writes to vanish under it on a real Kafka."""

from __future__ import annotations

import json
import time
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient, NewPartitions
from confluent_kafka.cimpl import NewTopic

from tests.kafka.site import Site

pytestmark = pytest.mark.kafka
TOLD_SECONDS = 15.0


def site_of(kafka: str, folder: Path, delivery: str) -> Site:
    limits = {"quiet": "2s", "heartbeat_every": "1s", "commit_stuck": "3s"}
    return Site(kafka, folder, self_alerts=json.dumps(limits), delivery=delivery)


def settled(site: Site) -> Counter[tuple[str, str]]:
    """The windows that are written once no more come; by then the daemon has looked at its topics, too."""
    site.until(lambda: bool(site.windows()))
    found, since = site.windows(), time.monotonic()
    while time.monotonic() - since < 2.0:
        now = site.windows()
        if now != found:
            found, since = now, time.monotonic()
    return found


def delete(admin: AdminClient, *topics: str) -> None:
    for answer in admin.delete_topics(list(topics)).values():
        answer.result()


def told(site: Site, rule: str) -> list[dict[str, Any]]:
    return [each for each in site.output("self_alerts") if each["rule"] == f"streamwatchd.{rule}"]


@pytest.mark.parametrize("delivery", ["exactly_once", "at_least_once"])
def test_outputs_and_journal_that_are_deleted_are_told_and_made_anew(kafka: str, tmp_path: Path, delivery: str) -> None:
    """With as many partitions as they had; what is written from then on is there, each row once."""
    site = site_of(kafka, tmp_path, delivery)
    try:
        site.start_and_wait()
        site.feed(3_000)
        before = settled(site)
        gone = {f"{site.name}.kpis", f"{site.name}.journal"}
        delete(AdminClient({"bootstrap.servers": kafka}), *gone)
        site.feed(3_000)
        site.until(lambda: {each["topic"] for each in site.logged("topic_made_anew")} == gone, TOLD_SECONDS)
        site.until(lambda: {each["key"]["topic"] for each in told(site, "topic_id_changed")} == gone, TOLD_SECONDS)
        site.finish()
        wanted = 3 * 6  # three keys' windows of 10 s in 60 s
        site.until(lambda: len(before.keys() | site.windows().keys()) == wanted)
        after = site.windows()
        assert not before.keys() & after.keys()
        assert set(after.values()) == {1}
        assert site.kafka.admin().partitions_of(gone) == dict.fromkeys(gone, 4)
        assert site.health()[0] == 200
        assert not site.logged("worker_lost")
    finally:
        site.end()


def test_an_epoch_that_does_not_get_through_is_told(kafka: str, tmp_path: Path) -> None:
    """The journal topic is deleted and made with too few partitions; once it has enough, all goes on."""
    site = site_of(kafka, tmp_path, "exactly_once")
    journal, admin = f"{site.name}.journal", AdminClient({"bootstrap.servers": kafka})
    try:
        site.start_and_wait()
        site.feed(3_000)
        before = settled(site)
        delete(admin, journal)
        admin.create_topics([NewTopic(journal, 1)])[journal].result()
        site.feed(3_000)
        site.finish()
        site.until(lambda: bool(site.logged("topic_too_small")), TOLD_SECONDS)
        assert "add partitions" in site.health()[1]["topics"][journal]
        site.until(lambda: site.health()[1]["shards"]["1"]["phase"] == "waiting", TOLD_SECONDS)
        site.until(lambda: bool(told(site, "commit_stuck")), TOLD_SECONDS)
        assert told(site, "commit_stuck")[0]["key"]["shard"] == "1"
        assert "has been trying" in site.logged("trouble_began")[0]["why"]
        assert site.health()[0] == 503
        admin.create_partitions([NewPartitions(journal, 4)])[journal].result()
        site.until(lambda: sum(row["values"]["n"] for row in site.kpis()) == site.sent)
        assert set(site.windows().values()) == {1}
        assert before.keys() <= site.windows().keys()
        site.until(lambda: site.health()[0] == 200)
        site.until(lambda: told(site, "commit_stuck")[-1]["event"] == "resolved")
    finally:
        site.end()
