"""Waiting for broker and topics."""

from __future__ import annotations

from dataclasses import replace

import pytest

from streamwatchd.daemon.cluster import Cluster, LagWatch, own_topics
from streamwatchd.daemon.metrics import Metrics
from streamwatchd.daemon.quiet import Quiet
from streamwatchd.errors import StateMismatch
from streamwatchd.ports.clock import ManualClock
from streamwatchd.ports.fake_kafka import FakeKafka
from streamwatchd.ports.kafka import Committed, Partition, Record
from streamwatchd.ports.telemetry import Labels, Report
from streamwatchd.shard.owner import Owner
from streamwatchd.shard.stamp import stamp_of
from tests.daemon.project import ListLog
from tests.shard.small import SETTINGS, content


class Setting:
    def __init__(self, **topics: int) -> None:
        self.clock = ManualClock()
        self.kafka = FakeKafka(topics, clock=self.clock)
        self.log = ListLog()
        self.cluster = Cluster(self.kafka, SETTINGS, self.clock, self.log)
        self.turns = 0

    def prepare(self, at_turn: int = 10**9, then: object = None) -> dict[str, int] | None:
        def stopped() -> bool:
            self.turns += 1
            if self.turns == at_turn and callable(then):
                then()
            return self.turns > 200

        return self.cluster.prepare([content("v0")], stopped)


def test_what_we_write_to_is_created() -> None:
    """Outputs, journal, exchange; the counts of all come back."""
    setting = Setting(**{"in": 3})
    counts = setting.prepare()
    assert counts is not None
    assert counts["in"] == 3
    assert counts["streamwatchd.exchange.2"] == SETTINGS.exchange_partitions
    assert {topic.name for topic in own_topics(SETTINGS, 2)} <= setting.kafka.broker.topics.keys()


def test_what_is_created_is_said() -> None:
    """After a start with nothing new to create there is nothing to say; a topic that was deleted meanwhile is named."""
    setting = Setting(**{"in": 3})
    setting.prepare()
    del setting.kafka.broker.topics[SETTINGS.topics.journal]
    setting.prepare()
    setting.prepare()
    created = [fields["topics"] for _, event, fields in setting.log.lines if event == "topics_created"]
    assert created == [sorted(topic.name for topic in own_topics(SETTINGS, 2)), [SETTINGS.topics.journal]]


@pytest.mark.parametrize(("made_with", "used", "set_to"), [(4, 4, 2), (4, 4, 8), (1, 1, 2), (4, 3, 2)])
def test_another_number_of_exchange_partitions_is_refused(made_with: int, used: int, set_to: int) -> None:
    """Alarms in partitions that nobody reads any more would be gone without a word."""
    setting = Setting(**{"in": 1, "streamwatchd.exchange.2": made_with})
    stamp = str(stamp_of(Owner(SETTINGS.app, 0, 1, 0), 5))
    at = {Partition("streamwatchd.exchange.2", number): Committed(9, stamp) for number in range(used)}
    setting.kafka.admin().commit(SETTINGS.app, at)
    setting.cluster = Cluster(setting.kafka, replace(SETTINGS, exchange_partitions=set_to), setting.clock, setting.log)
    counts = setting.prepare()
    assert counts is not None
    said = rf"`exchange_partitions` is {set_to}, .* Set `exchange_partitions: {used}`"
    with pytest.raises(StateMismatch, match=said):
        setting.cluster.layout([content("v0")], counts, lambda: False)


def test_a_topic_that_has_partitions_to_spare_is_no_matter() -> None:
    """An administrator made it, or the broker: nothing lies in them."""
    setting = Setting(**{"in": 1, "streamwatchd.exchange.2": SETTINGS.exchange_partitions + 3})
    counts = setting.prepare()
    assert counts is not None
    assert setting.cluster.layout([content("v0")], counts, lambda: False) is None


def test_a_missing_topic_is_named_and_waited_for() -> None:
    """It may be created later; until then the log says which one it is."""
    setting = Setting()
    missing = []

    def create() -> None:
        missing.append(dict(setting.cluster.missing))
        setting.kafka.broker.create("in", 2)

    counts = setting.prepare(at_turn=30, then=create)
    assert counts is not None
    assert [each.keys() for each in missing] == [{"in"}]
    assert not setting.cluster.missing
    assert counts["in"] == 2
    assert ("error", "topic_missing") in {(level, event) for level, event, _ in setting.log.lines}
    assert setting.log.lines[0][2]["topics"] == ["in"]
    assert "correct `topic:` of its source" in setting.log.lines[0][2]["hint"]


def test_an_absent_broker_is_waited_for() -> None:
    """With a word about who does not answer."""
    setting = Setting(**{"in": 1})
    setting.kafka.down = True

    def up() -> None:
        setting.kafka.down = False

    assert setting.prepare(at_turn=30, then=up) is not None
    ((_, event, fields), *_) = setting.log.lines
    assert (event, "servers" in fields) == ("kafka_unavailable", True)


def test_a_stop_ends_the_waiting() -> None:
    """SIGTERM while nothing answers."""
    setting = Setting()
    assert setting.prepare() is None


def test_what_lies_behind_an_open_transaction_is_counted() -> None:
    """Readers of what is committed stand before it."""
    setting = Setting(**{"in": 2})
    metrics = Metrics()
    gauges: dict[tuple[str, Labels], float] = {}
    for number in (0, 1):
        gauges["position_offset", (("partition", str(number)), ("topic", "in"))] = 0.0
    metrics.take(Report(0, 0, "running", gauges=gauges))
    watch, admin = LagWatch(metrics, Quiet(), setting.clock), setting.kafka.admin()
    writer = setting.kafka.writer("theirs")
    writer.begin()
    writer.send([Record("in", b"{}", partition=1)] * 3)
    watch.look(admin)
    assert lso_lags(metrics) == {"0": 0, "1": 3}
    writer.commit(1.0)
    watch.look(admin)
    assert lso_lags(metrics) == {"0": 0, "1": 0}


def lso_lags(metrics: Metrics) -> dict[str, float]:
    """By partition."""
    found = metrics.samples(0).items()
    return {dict(labels)["partition"]: value for (name, labels), value in found if name == "lso_lag_records"}
