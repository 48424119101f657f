"""Feeding: every record once, in order of arrival, no earlier than its time."""

from __future__ import annotations

from streamwatchd.demo.feed import PARTITIONS, Feed
from streamwatchd.demo.traffic import Shape, Traffic, generate
from streamwatchd.ports.fake_kafka import FakeKafka

TRAFFIC = generate(Shape(1_767_571_200_000, 300))
TOPICS = {records.kind.name: f"x.{records.kind.topic}" for records in TRAFFIC.sources}


def sent(kafka: FakeKafka, traffic: Traffic) -> dict[str, list[bytes | None]]:
    return {
        records.kind.name: [each.value for each in kafka.records(TOPICS[records.kind.name])]
        for records in traffic.sources
    }


def test_all_is_sent_once_to_the_topics_named() -> None:
    """In as many steps as one likes; none is late to the party, none early."""
    kafka = FakeKafka(dict.fromkeys(TOPICS.values(), PARTITIONS))
    feed = Feed(TRAFFIC, kafka.plain_writer(), TOPICS)
    for second in range(0, 300, 17):
        feed.up_to(TRAFFIC.shape.start_ms + 1000 * second)
        due = sum(int((records.arrival_ms <= feed.at_ms).sum()) for records in TRAFFIC.sources)
        assert feed.sent == due
    assert not feed.done
    feed.finish()
    assert feed.done
    assert feed.sent == len(TRAFFIC)
    assert feed.at_ms == TRAFFIC.shape.end_ms
    for name, values in sent(kafka, TRAFFIC).items():
        records = next(records for records in TRAFFIC.sources if records.kind.name == name)
        assert sorted(filter(None, values)) == sorted(records.payloads)
