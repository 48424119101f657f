"""The admin client against brokers that do not all know the same yet."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterable
from pathlib import Path

import pytest

from streamwatchd.errors import Unavailable
from streamwatchd.ports.kafka import NewTopic
from streamwatchd.ports.librdkafka.admin import LibrdkafkaAdmin
from tests.brokers.cluster import HEAP, PROPERTIES
from tests.kafka import server


@pytest.mark.kafka
def test_a_new_topic_that_one_broker_does_not_know_yet_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, kafka: str
) -> None:
    """The second answer of the metadata may come from another broker than the first."""
    admin = LibrdkafkaAdmin({"bootstrap.servers": kafka}, creates_topics=True, patience_s=30)
    real, asked = LibrdkafkaAdmin.partitions_of, []

    def behind(self: LibrdkafkaAdmin, topics: Iterable[str]) -> dict[str, int]:
        asked.append(list(topics))
        return {} if len(asked) == 3 else real(self, asked[-1])

    monkeypatch.setattr(LibrdkafkaAdmin, "partitions_of", behind)
    admin.ensure_topics([NewTopic("known-late", 2)])
    assert len(asked) >= 5
    monkeypatch.undo()
    assert admin.partitions_of(["known-late"]) == {"known-late": 2}
    admin.close()


def test_topics_that_a_silent_broker_should_make_are_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """It went away between the two questions: whoever asks tries again."""
    admin = LibrdkafkaAdmin({"bootstrap.servers": "127.0.0.1:1"}, creates_topics=False, patience_s=0.2)
    monkeypatch.setattr(LibrdkafkaAdmin, "partitions_of", lambda *_: {})
    with pytest.raises(Unavailable, match="create topics"):
        admin.ensure_topics([NewTopic("embedded", 1)])
    admin.close()


@pytest.mark.kafka
@pytest.mark.campaign
def test_a_broker_that_is_away_is_not_looked_for_without_a_pause(tmp_path: Path) -> None:
    """The client took most of a core for it, from its first question on."""
    servers = server.start(tmp_path, brokers=3, heap=HEAP, properties=PROPERTIES)
    try:
        admin = LibrdkafkaAdmin({"bootstrap.servers": servers}, creates_topics=True, patience_s=2)
        admin.ensure_topics([NewTopic("known", 6)])
        server.kill(tmp_path, 2)
        busy_s = time.process_time()
        for _ in range(10):
            with contextlib.suppress(Unavailable):  # until another broker leads what it led
                admin.describe(["known"])
            time.sleep(0.5)
        assert time.process_time() - busy_s < 1
    finally:
        server.stop(tmp_path)
