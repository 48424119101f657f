"""Alerts reach Kafka, sooner or later."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from streamwatchd.daemon.selfwatch import post as post_module
from streamwatchd.daemon.selfwatch.document import heartbeat
from streamwatchd.daemon.selfwatch.post import Post
from streamwatchd.errors import Unavailable
from streamwatchd.ports.disk import RealDisk
from streamwatchd.ports.fake_kafka import FakeKafka
from streamwatchd.ports.kafka import Record
from tests.daemon.project import ListLog

TOPIC = "alerts"


def until(wanted: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not wanted():
        time.sleep(0.01)
        assert time.monotonic() < deadline


def alert(number: int) -> dict[str, object]:
    return heartbeat("app", number, number, 0, {})


def read(kafka: FakeKafka) -> list[int]:
    return [msgspec.json.decode(record.value or b"")["seq"] for record in kafka.records(TOPIC)]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(post_module, "_RETRY_S", 0.01)


def test_alerts_wait_for_brokers(tmp_path: Path) -> None:
    """They come in order once one answers, and the log said so once."""
    kafka, log = FakeKafka({TOPIC: 1}), ListLog()
    for nth in (1, 2, 3):
        kafka.faults.at(nth, lambda: Unavailable("away"), point="kafka.flush")
    post = Post(kafka, RealDisk(), tmp_path / "kept.json", TOPIC, log)
    post.start()
    post.put([alert(1), alert(2)], [])
    until(lambda: post.waiting == 0)
    assert list(dict.fromkeys(read(kafka))) == [1, 2]
    assert log.events().count("self_alerts_waiting") == 1
    post.close(5)


def test_what_was_not_told_is_told_after_the_next_start(tmp_path: Path) -> None:
    """And what fires is known again."""
    kafka, path = FakeKafka({TOPIC: 1}), tmp_path / "kept.json"
    away = Post(_Away(), RealDisk(), path, TOPIC, ListLog())  # type: ignore[arg-type]
    away.start()
    away.put([alert(7)], [["disk_free", [], "id", 5, 1]])
    until(path.exists)
    away.close(5)
    post = Post(kafka, RealDisk(), path, TOPIC, ListLog())
    assert post.load() == [["disk_free", [], "id", 5, 1]]
    post.start()
    until(lambda: read(kafka) == [7])
    post.close(5)
    assert msgspec.json.decode(path.read_bytes())["firing"] == [["disk_free", [], "id", 5, 1]]


class _Away:
    def plain_writer(self) -> None:
        raise Unavailable("no broker")


def test_of_heartbeats_only_the_newest_waits(tmp_path: Path) -> None:
    """An outage of a day leaves no flood behind."""
    post = Post(FakeKafka({TOPIC: 1}), RealDisk(), tmp_path / "kept.json", TOPIC, ListLog())
    for number in range(5):
        post.beat(Record(TOPIC, msgspec.json.encode(alert(number))))
    assert len(post._beats) == 1
    kafka = post._kafka
    assert isinstance(kafka, FakeKafka)
    post.start()
    until(lambda: read(kafka) == [4])
    post.close(5)


@pytest.mark.parametrize("content", [b"", b"{", b"[1]", b'{"firing": 3}', b"\xff"])
def test_a_broken_memory_is_an_empty_one(tmp_path: Path, content: bytes) -> None:
    """It is not worth a failed start."""
    (tmp_path / "kept.json").write_bytes(content)
    post = Post(FakeKafka({TOPIC: 1}), RealDisk(), tmp_path / "kept.json", TOPIC, ListLog())
    assert list(post.load()) == []
