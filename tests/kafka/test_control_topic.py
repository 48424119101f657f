"""Silences, acknowledgements and verdicts that come over a topic, on a real Kafka."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from streamwatchd.ports.kafka import Record
from tests.kafka.process import read_topic
from tests.kafka.site import Site
from tests.kafka.test_control import answer, swctl
from tests.kafka.test_hosts import start_and_wait, two_hosts
from tests.kafka.test_silences import RULES, told

pytestmark = pytest.mark.kafka


def say(site: Site, *records: dict[str, Any]) -> None:
    writer = site.kafka.plain_writer()
    writer.send(Record(f"{site.name}.control", json.dumps(each).encode(), partition=0) for each in records)
    writer.flush(30)
    writer.close()


def test_what_a_topic_says_holds_once_and_after_a_crash(kafka: str, tmp_path: Path) -> None:
    """A silence, sent twice; a crash; its end, a verdict, and a record that is refused."""
    site = Site(kafka, tmp_path, source="key: k\n")
    site.settings["control"] = json.dumps({"topic": f"{site.name}.control"})
    site.write({"busy.yaml": RULES}, kafka)
    silence = {"kind": "silence", "id": "chg-1", "rules": ["busy"], "keys": {"k": "k0"}, "until": "2999-01-01",
               "reason": "works", "by": "change-desk"}  # fmt: skip
    try:
        site.start_and_wait()
        site.until(lambda: bool(site.logged("control_topic_opened")))
        say(site, silence, silence)
        site.until(lambda: len(answer(site, "silences")["silences"]) == 1)
        name = answer(site, "silences")["silences"][0]["silence"]
        site.feed(2_000)
        site.until(lambda: ("fired", None, f"silence({name})") in told(site))
        site.signal(9)
        site.start_and_wait()
        alarm = site.output("alerts")[0]["id"]
        verdict = {"kind": "disposition", "id": "d1", "rule": "busy", "verdict": "confirmed"}
        verdict |= {"alarm": alarm, "by": "ann"}
        never = {**verdict, "id": "d2", "alarm": "0123456789abcdef"}
        say(site, {"kind": "end_silence", "id": "e1", "silence": "chg-1"}, verdict, never, {"kind": "ack", "id": "x"})
        site.until(lambda: len(site.logged("control_record_refused")) == 2)
        site.feed(2_000)
        site.until(lambda: ("unmuted", None, None) in told(site))
        assert answer(site, "silences")["silences"] == []
        assert "100% of 1" in swctl(site, "rules").stdout
        letters = [
            json.loads(text or b"")
            for each in read_topic(site.kafka, f"{site.name}.dead_letters")
            for text in each.payloads
        ]
        assert sorted(letters, key=lambda each: each["id"]) == [never, {"kind": "ack", "id": "x"}]
    finally:
        site.end()


def test_what_is_said_to_one_host_holds_on_all(kafka: str, tmp_path: Path) -> None:
    """The host with shard 0 reads the topic; the alarms of the other one's shards are silenced too."""
    hosts = two_hosts(kafka, tmp_path, snapshot_store=f"file://{tmp_path}/shared")
    first, second = hosts
    for host in hosts:
        host.settings["control"] = json.dumps({"topic": f"{first.name}.control"})
        host.write({"busy.yaml": RULES}, kafka)
    try:
        start_and_wait(*hosts)
        refused = swctl(second, "silence", "busy", "--for", "2h", "--reason", "works")
        assert (refused.exit_code, "host that has shard 0" in refused.stderr) == (2, True)
        say(first, {"kind": "silence", "id": "c", "rules": ["busy"], "until": "2999-01-01", "reason": "x", "by": "y"})
        first.until(lambda: len(answer(second, "silences")["silences"]) == 1, 120)
        assert not second.logged("control_topic_opened")
        first.feed(2_000)
        first.until(lambda: len([each for each in first.output("alerts") if each["event"] == "fired"]) >= 3, 120)
        (name,) = (each["silence"] for each in answer(second, "silences")["silences"])
        fired = [each for each in first.output("alerts") if each["event"] == "fired"]
        assert {each["key"]["k"] for each in fired} == {"k0", "k1", "k2"}
        assert {each["muted_by"] for each in fired} == {f"silence({name})"}
    finally:
        first.end()
        second.end()
