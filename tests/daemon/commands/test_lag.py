"""`lag`: ends of the partitions that are read, and what waits."""

from __future__ import annotations

import pytest

from streamwatchd.control import CommandRefused
from streamwatchd.errors import Unavailable
from streamwatchd.ports.kafka import Partition, Record
from streamwatchd.shard.version import BEGINNING
from tests.daemon.commands.setting import Setting, report
from tests.shard.small import START_MS


def test_each_partition_says_what_waits() -> None:
    """An end below the position is nothing behind."""
    setting = Setting()
    writer = setting.kafka.plain_writer()
    writer.send(Record("in", b"x", partition=0) for _ in range(50))
    writer.flush(1)
    lag = setting.run("lag")
    assert [(each["partition"], each["lag"], each["shard"]) for each in lag["partitions"]] == [(0, 10, 0), (1, 0, 1)]
    assert lag["lag"] == 10
    assert lag["partitions"][1]["watermark"].startswith("2026-01-05T00:00:01") is (START_MS == 1_767_571_200_000)


def test_a_partition_of_the_exchange_has_its_tasks_watermark() -> None:
    """Its task is named by stage, its topic by the settings."""
    setting = Setting(1)
    topic = f"{setting.context.settings.topics.exchange}.2"
    setting.kafka.admin().ensure_topics([])
    position = ("position_offset", (("partition", "0"), ("topic", "in")))
    of_exchange = report(0, gauges={position: 0}, watermarks_ms={(2, "", 0): START_MS, (1, "in", 0): BEGINNING})
    setting.metrics.take(of_exchange)
    setting.supervisor.slots[0].report = of_exchange
    assert setting.run("lag")["partitions"][0]["watermark"] is None
    from streamwatchd.daemon.commands.lag import _marks

    assert _marks(setting.context.settings.topics, [of_exchange])[topic, 0] == (START_MS, False, False)


def test_who_waits_and_who_holds_is_said() -> None:
    """The one that all else waits for, and one that is held back for it."""
    setting = Setting()
    behind = report(0, behind=frozenset([(1, "in", 0)]))
    ahead = report(1, behind=frozenset([(1, "in", 1)]), held=frozenset([(1, "in", 1)]))
    for slot, newest in zip(setting.supervisor.slots, (behind, ahead), strict=True):
        slot.report = newest
    rows = setting.run("lag")["partitions"]
    assert [(each["holds"], each["waits"]) for each in rows] == [(True, False), (False, True)]


def test_late_events_are_counted_by_source_and_by_rule() -> None:
    """Over all shards; the source itself has no rule."""
    setting = Setting()
    source, rule = ("source", "m"), ("rule", "hot")
    counters = {("late_total", (source,)): 5.0, ("rule_late_total", (rule, source)): 2.0}
    for slot in setting.supervisor.slots:
        slot.report = report(slot.shard, counters=counters)
    assert setting.run("lag")["late"] == [
        {"source": "m", "rule": None, "events": 10}, {"source": "m", "rule": "hot", "events": 4},
    ]  # fmt: skip


def test_no_kafka_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    """In place of an old number."""
    setting = Setting()

    def ends(*arguments: object, **options: object) -> dict[Partition, int]:
        raise Unavailable("all brokers down")

    monkeypatch.setattr("streamwatchd.ports.fake_kafka.FakeAdmin.end_offsets", ends)
    with pytest.raises(CommandRefused, match="all brokers down"):
        setting.run("lag")
