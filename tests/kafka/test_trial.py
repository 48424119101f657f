"""Rules on trial, and traffic of a topic through other rules, on a real Kafka."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest
from confluent_kafka import TopicPartition
from confluent_kafka.admin import AdminClient

from streamwatchd.operators.document import iso
from streamwatchd.ports.kafka import Record
from tests.kafka.site import COUNTS, Site
from tests.kafka.test_control import answer, swctl

pytestmark = pytest.mark.kafka


def test_a_rule_on_trial_and_its_topic_once_more(kafka: str, tmp_path: Path) -> None:
    """It writes to the shadow topic alone until it is promoted. What the topic holds can be played."""
    site = Site(kafka, tmp_path, source="key: k\n")
    rules = site.folder / "rules.d" / "counts.yaml"
    rules.write_text(COUNTS.replace("every: 10s", "every: 10s\n    mode: shadow"))
    try:
        site.start_and_wait()
        site.feed(3_000)
        site.until(lambda: sum(answer(site, "shadow", "counts")["rows"].values()) >= 3)
        assert site.output("kpis") == []
        rules.write_text(COUNTS)
        assert swctl(site, "reload", "--wait").exit_code == 0
        site.feed(3_000)
        site.finish()
        site.until(lambda: len(site.output("kpis")) >= 3)
        out = tmp_path / "out"
        played = swctl(site, "dry-run", "--topic", "events", "--from", "1h", "--out", str(out))
        assert played.exit_code == 0, played.output
        rows = [json.loads(line) for line in (out / "kpis.ndjson").read_text().splitlines()]
        assert sum(row["values"]["n"] for row in rows if row["key"]["k"] != "end") == site.sent
        nothing = swctl(site, "dry-run", "--topic", "events", "--until", "1h", "--out", str(out))
        assert (nothing.exit_code, "no records of that time" in nothing.stderr) == (2, True)
    finally:
        site.end()


BUSY = """
source: events
every: 10s
rules:
  - {alarm: busy, by: k, values: {n: count(over 20s)}, when: n > 15 for 10s}
"""


def test_a_past_instant_is_explained_from_what_topics_retain(kafka: str, tmp_path: Path) -> None:
    """No daemon runs. Once Kafka has let go of the first minute it says so."""
    site = Site(kafka, tmp_path, source="key: k\n")
    site.write({"busy.yaml": BUSY}, kafka)
    began_ms = int(time.time()) // 60 * 60_000 - 600_000
    writer = site.kafka.plain_writer()
    for second in range(180):
        at_ms = began_ms + second * 1000
        payload = json.dumps({"t": at_ms, "k": "k0"}).encode()
        writer.send([Record(site.topic, payload, partition=0, timestamp_ms=at_ms)])
    writer.flush(30)
    writer.close()
    asked = ("explain", "busy", "--key", "k=k0", "--at", iso(began_ms + 90_000))
    said = swctl(site, *asked)
    assert said.exit_code == 0, said.output
    assert f"not known: {site.name}.alerts has nothing of it" in said.stdout
    assert f"true since {iso(began_ms + 20_000)} or before: for 10s is over" in said.stdout
    assert "n = count(over 20s)" in said.stdout
    assert "retains" not in said.stdout
    admin = AdminClient({"bootstrap.servers": kafka})
    for done in admin.delete_records([TopicPartition(site.topic, 0, 60)]).values():
        done.result(30)
    said = swctl(site, *asked)
    assert f"{site.topic}:0 retains since {iso(began_ms + 60_000)}" in said.stdout
    assert f"true since {iso(began_ms + 80_000)} or before: for 10s is over" in said.stdout
