"""What the daemon wrote of one alarm, by the topic of alerts."""

from __future__ import annotations

import json

from streamwatchd.cli.written import says_how_it_stands, written_of
from streamwatchd.ports.fake_kafka import FakeKafka
from streamwatchd.ports.kafka import Partition, Record


def told(rule: str, port: float, event: str) -> bytes:
    return json.dumps({"rule": rule, "key": {"port": port}, "event": event, "state": "firing"}).encode()


def kafka(*payloads: bytes) -> FakeKafka:
    made = FakeKafka({"alerts": 2})
    made.plain_writer().send(Record("alerts", each, b"k", partition=1) for each in payloads)
    return made


def test_the_events_of_one_rule_and_key_are_found_in_order() -> None:
    """However the number of a key is spelt; what is no alert, or another's, is passed over. Storms are of all keys."""
    there = kafka(
        told("hot", 5, "fired"), b"{", told("hotter", 5, "fired"), told("hot", 6, "fired"),
        told("hot", 5.0, "escalated"), told("hot", 7, "storm"), b'{"rule": "other", "message": "\\"hot\\""}',
    )  # fmt: skip
    documents, is_whole = written_of(there, "alerts", "hot", {"port": 5.0})
    assert ([each["event"] for each in documents], is_whole) == (["fired", "escalated", "storm"], True)
    assert [says_how_it_stands(each) for each in documents] == [True, True, False]


def test_a_topic_that_is_not_there_or_has_lost_records_is_not_whole() -> None:
    """What is left is told."""
    there = kafka(told("hot", 5, "fired"), told("hot", 5, "escalated"))
    assert written_of(there, "nowhere", "hot", {"port": 5.0}) == ((), False)
    there.broker.log(Partition("alerts", 1)).delete_before(1)
    documents, is_whole = written_of(there, "alerts", "hot", {"port": 5.0})
    assert ([each["event"] for each in documents], is_whole) == (["escalated"], False)
