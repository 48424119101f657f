"""The admin client against brokers that do not all know the same yet."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from streamwatchd.errors import Unavailable
from streamwatchd.ports.kafka import NewTopic
from streamwatchd.ports.librdkafka.admin import LibrdkafkaAdmin


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
