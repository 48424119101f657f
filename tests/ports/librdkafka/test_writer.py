"""The call that may never come back. What else the writer promises is in tests/contracts and tests/kafka/test_doubt."""

from __future__ import annotations

import threading
import time

import pytest
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import AdminClient

from streamwatchd.errors import Unavailable
from streamwatchd.ports.kafka import NewTopic, Outcome, Partition, Record
from streamwatchd.ports.librdkafka import Librdkafka
from streamwatchd.ports.librdkafka.writer import LibrdkafkaWriter, _Bounded


def test_a_bounded_call_is_given_up() -> None:
    """It may go on behind our back; nobody waits for it."""
    never = threading.Event()
    with pytest.raises(TimeoutError):
        _Bounded(never.wait).run(0.01)
    never.set()


def test_a_bounded_call_raises_what_it_raised() -> None:
    """As if it had been called here."""
    with pytest.raises(ZeroDivisionError):
        _Bounded(lambda: 1 / 0).run(10)
    _Bounded(lambda: None).run(10)


@pytest.mark.parametrize("code", [KafkaError.UNKNOWN_TOPIC_OR_PART, KafkaError._UNKNOWN_TOPIC])
def test_a_topic_that_goes_under_an_open_transaction_is_waited_for(code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """AddPartitionsToTxn of a topic that is deleted fails the transaction, and whatever is called next tells it: to a
    reader such a code means that offsets are worth nothing, to a writer that somebody has to make the topic."""

    class Failed:
        def produce(self, *_: object) -> None: ...

        def poll(self, _: float) -> None:
            raise KafkaException(KafkaError(code))

    writer = LibrdkafkaWriter({"bootstrap.servers": "127.0.0.1:1"}, "w", opened=False)
    monkeypatch.setattr(writer, "_producer", Failed())
    with pytest.raises(Unavailable, match="a topic is not there, create it"):
        writer.send([Record("out", b"x", partition=0)])


@pytest.mark.kafka
@pytest.mark.parametrize("transactional", [True, False])
def test_a_topic_that_is_made_anew_with_fewer_partitions(kafka: str, transactional: bool) -> None:
    """What the writer knew of it is forgotten: whoever tries again writes to a partition that is there."""
    topic = f"fewer-{transactional}"
    cluster = Librdkafka({"bootstrap.servers": kafka, "message.timeout.ms": 2_000})  # what is on its way is given up
    admin = cluster.admin()
    plain, bound = cluster.plain_writer(), cluster.writer(f"w-{topic}")

    def send() -> None:
        records = [Record(topic, b"letter", source_partition=3)]
        if not transactional:
            plain.send(records)
            plain.flush(30)
            return
        if bound.doubtful:
            bound.rebuild()
        bound.begin()
        try:
            bound.send(records)
        except Unavailable:
            bound.abort(30)
            raise
        if bound.commit(30) is not Outcome.COMMITTED:
            raise Unavailable("not committed")

    admin.ensure_topics([NewTopic(topic, 4)])
    send()
    client = AdminClient({"bootstrap.servers": kafka})
    client.delete_topics([topic])[topic].result(30)
    while admin.partitions_of([topic]):
        time.sleep(0.05)
    admin.ensure_topics([NewTopic(topic, 2)])
    for _ in range(100):
        try:
            send()
            break
        except Unavailable:
            time.sleep(0.1)
    home = Partition(topic, 1)
    assert admin.end_offsets([home])[home] >= 1
    for each in (plain, bound, admin):
        each.close()
