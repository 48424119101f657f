"""The control topic is read once, by position and by id; what is refused is told."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from streamwatchd.daemon.control_topic.effects import TAKEN, Effects, Later
from streamwatchd.daemon.control_topic.listener import Listener
from streamwatchd.daemon.control_topic.position import Position
from streamwatchd.daemon.control_topic.records import Said
from streamwatchd.daemon.metrics import Metrics
from streamwatchd.errors import BadRecord
from streamwatchd.ports.disk import RealDisk
from streamwatchd.ports.fake_kafka import FakeKafka
from streamwatchd.ports.kafka import Record
from tests.daemon.project import ListLog


class Site:
    """`errors` are raised by the effects, one after the other, before they do anything."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.kafka, self.metrics, self.log = folder, FakeKafka({"dead": 1}), Metrics(), ListLog()
        self.done: list[str] = []
        self.errors: list[Exception] = []
        self.listener: Listener | None = None

    def load(self) -> None:
        """Verdicts are of no account here."""

    def apply(self, said: Said, stamp_ms: int) -> str:
        if self.errors:
            raise self.errors.pop(0)
        self.done.append(said.id)
        return TAKEN

    def start(self) -> None:
        self.listener = Listener(
            self.kafka, "ops", "dead", Position(RealDisk(), self.folder), cast(Effects, self), self, self.metrics,
            self.log,
        )  # fmt: skip
        self.listener.start()

    def stop(self) -> None:
        if self.listener is not None:
            self.listener.close()

    def say(self, *records: bytes | dict[str, Any]) -> None:
        values = [each if isinstance(each, bytes) else json.dumps(each).encode() for each in records]
        self.kafka.plain_writer().send([Record("ops", value, b"key", 0) for value in values])

    def until(self, true: Callable[[], bool]) -> None:
        deadline = time.monotonic() + 30
        while not true():
            assert time.monotonic() < deadline, self.log.lines
            time.sleep(0.01)

    def count(self, outcome: str, kind: str = "end_silence") -> float:
        return self.metrics.samples(0).get(("control_records_total", (("kind", kind), ("outcome", outcome))), 0)


def end(said: str) -> dict[str, Any]:
    return {"kind": "end_silence", "id": said, "silence": "s"}


@pytest.fixture
def site(tmp_path: Path) -> Iterator[Site]:
    made = Site(tmp_path)
    made.start()
    made.until(lambda: "control_topic_opened" in made.log.events())
    yield made
    made.stop()


def test_each_record_has_its_effect_once(site: Site) -> None:
    """Written twice by the sender, read again after a restart: once."""
    site.say(end("a"), end("b"), end("a"))
    site.until(lambda: site.count("taken") + site.count("repeated") == 3)
    site.stop()
    site.say(end("b"), end("c"))
    site.start()
    site.until(lambda: site.count("taken") == 3)
    assert (site.done, site.count("repeated")) == (["a", "b", "c"], 2)


def test_what_is_refused_is_a_dead_letter_and_the_next_one_goes_on(site: Site) -> None:
    """With its bytes, where it was, and why."""
    site.errors = [BadRecord("no silence `s` was said")]
    site.say(b"{", end("a"), end("b"))
    site.until(lambda: site.count("taken") == 1)
    first, second = site.kafka.records("dead")
    headers = dict(first.headers)
    assert (first.value, headers["source"], headers["topic"], headers["offset"]) == (b"{", b"control", b"ops", b"0")
    assert b"schemas/control.json" in headers["reason"]
    assert dict(second.headers)["reason"] == b"no silence `s` was said"
    assert (site.count("refused"), site.count("refused", "unknown"), site.done) == (1, 1, ["b"])
    assert site.log.events().count("control_record_refused") == 2


def test_what_cannot_be_now_comes_again(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """In its turn: the records behind it wait."""
    monkeypatch.setattr("streamwatchd.daemon.control_topic.listener._RETRY_S", 0.01)
    site.errors = [Later("the daemon still waits for Kafka"), Later("the daemon still waits for Kafka")]
    site.say(end("a"), end("b"))
    site.until(lambda: site.count("taken") == 2)
    assert (site.done, site.log.events().count("control_topic_waiting")) == (["a", "b"], 1)


def test_the_end_of_a_silence_that_a_daemon_died_over_is_not_refused(tmp_path: Path) -> None:
    """It had come into force, and the daemon did not come to say so."""
    position = Position(RealDisk(), tmp_path)
    site = Site(tmp_path)
    site.start()
    site.until(lambda: "control_topic_opened" in site.log.events())
    site.stop()
    position.load("ops", site.kafka.admin().describe(["ops"])["ops"].id)
    position.begin("a")
    site.errors = [BadRecord("no silence `s` was said"), BadRecord("no silence `s` was said")]
    site.say(end("a"), end("b"))
    site.start()
    site.until(lambda: site.count("refused") == 1)
    site.stop()
    assert site.count("repeated") == 1
