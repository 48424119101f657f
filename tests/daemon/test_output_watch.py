"""Topics that are written to, as they come and go."""

from __future__ import annotations

from dataclasses import replace

from streamwatchd.daemon.cluster import own_topics
from streamwatchd.daemon.metrics import Metrics
from streamwatchd.daemon.output_watch import OutputWatch
from streamwatchd.errors import Unavailable
from streamwatchd.ports.fake_kafka import FakeKafka
from streamwatchd.ports.kafka import Admin, NewTopic
from tests.daemon.project import ListLog
from tests.shard.small import SETTINGS

KPIS, JOURNAL = SETTINGS.topics.kpis, SETTINGS.topics.journal


class Setting:
    def __init__(self) -> None:
        self.kafka, self.metrics, self.log = FakeKafka({}), Metrics(), ListLog()
        self.admin: Admin = self.kafka.admin()
        self.admin.ensure_topics(own_topics(SETTINGS, 1))
        self.watch = OutputWatch(replace(SETTINGS, shards=2), self.metrics, self.log)
        self.look()

    def look(self, times: int = 1) -> None:
        for _ in range(times):
            self.watch.look(self.admin)

    def told(self, name: str) -> dict[str, float]:
        samples = self.metrics.samples(0)
        return {dict(labels)["topic"]: value for (each, labels), value in samples.items() if each == name}


def test_topics_that_stay_are_no_news() -> None:
    """Nor is one that a starting broker does not know for once."""
    setting = Setting()
    setting.look(3)
    assert setting.log.lines == []
    assert not setting.watch.wrong


def test_a_deleted_topic_is_made_anew_as_it_was() -> None:
    """With the partitions that it had, which an operator may have raised; it is told and counted."""
    setting = Setting()
    setting.kafka.broker.delete(KPIS)
    setting.kafka.broker.create(KPIS, 9)
    setting.look()
    setting.kafka.broker.delete(KPIS)
    setting.look()
    assert KPIS not in setting.kafka.broker.topics
    setting.look(2)
    assert len(setting.kafka.broker.topics[KPIS]) == 9
    assert setting.log.events() == ["topic_made_anew", "topic_missing", "topic_made_anew"]
    assert setting.told("topic_id_changes_total") == {KPIS: 2}
    assert not setting.watch.wrong


def test_one_that_cannot_be_made_is_told_with_the_way_out() -> None:
    """As long as it lasts; the log hears of it once."""
    setting = Setting()

    class Forbidden(type(setting.admin)):  # type: ignore[misc]
        def ensure_topics(self, topics: object) -> None:
            raise Unavailable("create topic: not authorized")

    allowed, setting.admin = setting.admin, Forbidden(setting.kafka)
    setting.kafka.broker.delete(KPIS)
    setting.look(5)
    assert "not authorized" in setting.watch.wrong[KPIS]
    assert "create it in Kafka" in setting.watch.wrong[KPIS]
    assert setting.told("topic_missing") == {KPIS: 1}
    assert setting.log.events() == ["topic_missing", "topic_not_made"]
    setting.admin = allowed
    setting.look(2)
    assert not setting.watch.wrong
    assert setting.told("topic_missing") == {}


def test_a_journal_that_has_fewer_partitions_than_shards_is_fine() -> None:
    """It keeps those that it was made with when shards are added: several of them share one."""
    setting = Setting()
    setting.kafka.broker.delete(JOURNAL)
    setting.admin.ensure_topics([NewTopic(JOURNAL, 1)])
    setting.watch = OutputWatch(replace(SETTINGS, shards=2), setting.metrics, setting.log)
    setting.look(2)
    assert not setting.watch.wrong


def test_a_journal_with_fewer_partitions_than_at_the_start_is_told() -> None:
    """Somebody made it anew with too few."""
    setting = Setting()
    setting.look()
    setting.kafka.broker.delete(JOURNAL)
    setting.admin.ensure_topics([NewTopic(JOURNAL, 1)])
    setting.look(2)
    assert "add partitions" in setting.watch.wrong[JOURNAL]
    assert setting.log.events() == ["topic_made_anew", "topic_too_small"]
    assert "take a savepoint" in setting.log.lines[0][2]["hint"]
