"""The watch at work."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from streamwatchd.daemon.metrics import Metrics
from streamwatchd.daemon.selfwatch.room import KEPT, SelfWatch, Signs
from streamwatchd.ports.clock import ManualClock
from streamwatchd.ports.disk import RealDisk
from streamwatchd.ports.fake_kafka import FakeKafka
from streamwatchd.settings import Settings, Topics
from tests.daemon.project import ListLog
from tests.daemon.selfwatch.test_post import until


class Setting:
    def __init__(self, folder: Path, **topics: str) -> None:
        self.topics = Topics(**topics)
        self.kafka = FakeKafka({"streamwatchd.alerts": 1, "streamwatchd.heartbeat": 1, "own": 1})
        self.clock, self.metrics, self.log = ManualClock(), Metrics(), ListLog()
        self.signs: Signs | None = None
        settings = Settings(folder / "c.yaml", state_dir=folder, enrichment_dir=folder, topics=self.topics)
        self.watch = SelfWatch(settings, self.metrics, self.kafka, RealDisk(), self.clock, self.log, lambda: self.signs)

    def turn(self, seconds: float = 1.0) -> None:
        self.clock.advance(round(1_000 * seconds))
        self.watch.turn()

    def read(self, topic: str) -> list[dict[str, object]]:
        return [msgspec.json.decode(record.value or b"") for record in self.kafka.records(topic)]

    def tell(self) -> None:
        self.watch._post.start()
        until(lambda: self.watch._post.waiting == 0 and not self.watch._post._beats)


def test_alerts_go_where_the_other_alerts_go(tmp_path: Path) -> None:
    """By default; they are counted, and kept for the next start."""
    setting = Setting(tmp_path)
    setting.metrics.put("worker_fenced", 1, (("shard", "0"),))
    setting.turn()
    setting.tell()
    (alert,) = setting.read("streamwatchd.alerts")
    assert (alert["rule"], alert["severity"]) == ("streamwatchd.fenced", "critical")
    assert setting.metrics.samples(0)["self_alerts_firing", (("alert", "fenced"),)] == 1
    until(lambda: (tmp_path / KEPT).exists())
    assert setting.log.events().count("self_alert_fired") == 1


def test_they_may_have_a_topic_of_their_own(tmp_path: Path) -> None:
    """Or none."""
    setting = Setting(tmp_path, self_alerts="own", heartbeat="off")
    setting.metrics.put("worker_fenced", 1, (("shard", "0"),))
    setting.turn()
    setting.tell()
    assert len(setting.read("own")) == 1
    assert setting.read("streamwatchd.alerts") == setting.read("streamwatchd.heartbeat") == []
    silent = Setting(tmp_path, self_alerts="off")
    silent.metrics.put("worker_fenced", 1, (("shard", "1"),))
    silent.turn()
    silent.tell()
    assert silent.read("streamwatchd.alerts") == silent.read("own") == []


def test_it_beats_while_the_supervisor_comes_round(tmp_path: Path) -> None:
    """A loop that stands still is silence, however well the watch itself is."""
    setting = Setting(tmp_path)
    setting.metrics.put("worker_up", 1, (("shard", "0"),))
    setting.signs = Signs(setting.clock.monotonic(), {0: os.getpid()})
    setting.watch._post.start()
    seen = 0
    for _ in range(100):
        setting.turn()
        until(lambda: not setting.watch._post._beats)
        seen = len(setting.read("streamwatchd.heartbeat"))
    assert seen == 3
    setting.signs = Signs(setting.clock.monotonic(), {})
    setting.turn(10)
    until(lambda: len(setting.read("streamwatchd.heartbeat")) == 4)
    assert [each["seq"] for each in setting.read("streamwatchd.heartbeat")] == [1, 2, 3, 4]
    assert setting.read("streamwatchd.heartbeat")[0]["values"]["workers_up"] == 1  # type: ignore[index]
