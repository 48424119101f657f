"""How many messages become batches. What the reader promises on a broker is in tests/contracts."""

from __future__ import annotations

import pytest
from confluent_kafka import KafkaError, KafkaException, Message, TopicPartition

from streamwatchd.errors import Unavailable
from streamwatchd.ports.kafka import Partition
from streamwatchd.ports.librdkafka import reader as module
from streamwatchd.ports.librdkafka.reader import LibrdkafkaReader


class Queue:
    """Stands for the client: gives what is there, at most as many as asked for, and then fails if told to."""

    def __init__(self, messages: list[Message], failure: KafkaError | None = None) -> None:
        self.messages, self.failure = messages, failure
        self.asked: list[int] = []

    def consume(self, count: int, timeout: float) -> list[Message]:
        self.asked.append(count)
        if not self.messages and self.failure is not None:
            raise KafkaException(self.failure)
        given, self.messages = self.messages[:count], self.messages[count:]
        return given

    def assign(self, positions: list[TopicPartition]) -> None: ...

    def close(self) -> None: ...


def message(topic: str, partition: int, offset: int) -> Message:
    name = b"%s/%d/%d" % (topic.encode(), partition, offset)
    return Message(topic=topic, partition=partition, offset=offset, key=name, value=name, timestamp=(1, 1000 + offset))


def reading(queue: Queue, monkeypatch: pytest.MonkeyPatch) -> LibrdkafkaReader:
    monkeypatch.setattr(module, "Consumer", lambda _: queue)
    monkeypatch.setattr(LibrdkafkaReader, "_demand", lambda *_: None)
    reader = LibrdkafkaReader({"bootstrap.servers": "127.0.0.1:1"}, read_committed=True)
    partitions = [Partition(topic, number) for topic in ("a", "b") for number in range(3)]
    reader.assign(dict.fromkeys(partitions, 0))
    return reader


def test_a_batch_joins_what_many_slices_gave_of_a_partition(monkeypatch: pytest.MonkeyPatch) -> None:
    """Topics and partitions in turns, in runs of any length: each batch holds its records whole and in order."""
    messages, ends = [], dict.fromkeys([("a", 0), ("a", 1), ("b", 0), ("b", 2)], 0)
    for turn in range(400):
        place = [*ends][turn % 7 % 4]
        for _ in range(1 + turn % 11):
            messages.append(message(*place, ends[place]))
            ends[place] += 1
    assert len(messages) > 4 * module.SLICE
    queue = Queue(messages)
    taken = reading(queue, monkeypatch).take(len(messages), 0.0)
    assert [(batch.topic, batch.partition) for batch in taken.batches] == [*ends]
    for batch in taken.batches:
        end = ends[batch.topic, batch.partition]
        names = [b"%s/%d/%d" % (batch.topic.encode(), batch.partition, offset) for offset in range(end)]
        assert list(batch.offsets) == list(range(end))
        assert list(batch.timestamps) == [1000 + offset for offset in range(end)]
        assert batch.payloads == batch.keys == names
    assert max(queue.asked) <= module.SLICE


def test_no_more_records_than_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever the slices: the bound on a take holds, and the next take goes on behind it."""
    reader = reading(Queue([message("a", 0, offset) for offset in range(2000)]), monkeypatch)
    most = module.SLICE + 7
    first, second = (reader.take(most, 0.0).batches[0] for _ in range(2))
    assert list(first.offsets) == list(range(most))
    assert list(second.offsets) == list(range(most, 2 * most))


def test_a_failure_behind_records_waits_for_the_next_call(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing that was read is lost to an error that came after it."""
    error = KafkaError(KafkaError._ALL_BROKERS_DOWN)
    reader = reading(Queue([message("a", 0, 0)], error), monkeypatch)
    assert list(reader.take(10, 0.0).batches[0].offsets) == [0]
    with pytest.raises(Unavailable):
        reader.take(10, 0.0)
