"""Whether an alarm ever was, by the topics of alerts."""

from __future__ import annotations

import json

import pytest

from streamwatchd.daemon.control_topic import told_alerts
from streamwatchd.daemon.control_topic.told_alerts import Found, find
from streamwatchd.ports.clock import SystemClock
from streamwatchd.ports.fake_kafka import FakeKafka
from streamwatchd.ports.kafka import Partition, Record


def kafka(records: int) -> FakeKafka:
    """Alarm n of rule `r<n>`, one partition after the other, and what is no alert between them."""
    made = FakeKafka({"alerts": 3, "other": 1})
    writer = made.plain_writer()
    for number in range(records):
        text = json.dumps({"rule": f"r{number}", "id": f"{number:016x}", "message": f"like {number + 1:016x}"}).encode()
        writer.send([Record("alerts", text, partition=number % 3), Record("alerts", b"{", partition=number % 3)])
    return made


@pytest.mark.parametrize("step", [1, 2, 10_000])
def test_the_newest_and_the_oldest_are_found_and_others_are_not(step: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever is read at a time; an id in the text of another alert's message is none."""
    monkeypatch.setattr(told_alerts, "_FIRST_STEP", step)
    there = kafka(20)
    for number in range(20):
        assert find(there, SystemClock(), ("alerts",), f"{number:016x}") == Found(f"r{number}", complete=True)
    assert find(there, SystemClock(), ("alerts", "nowhere"), f"{20:016x}") == Found(None, complete=True)


def test_what_is_gone_may_have_been_one() -> None:
    """So nothing is claimed where a partition has lost its first records."""
    there = kafka(20)
    there.broker.log(Partition("alerts", 1)).delete_before(2)
    assert find(there, SystemClock(), ("alerts",), f"{1:016x}") == Found(None, complete=False)
    assert find(there, SystemClock(), ("alerts",), f"{4:016x}") == Found("r4", complete=False)


def test_empty_topics_hold_nothing() -> None:
    assert find(FakeKafka({"alerts": 2}), SystemClock(), ("alerts",), f"{1:016x}") == Found(None, complete=True)
