"""Asking for a group's committed positions, patient with a coordinator that is only coming to be."""

from __future__ import annotations

import time

from confluent_kafka import Consumer, KafkaError, KafkaException, TopicPartition

from streamwatchd.ports.librdkafka.errors import kafka_error

_COMING = {
    KafkaError.NOT_COORDINATOR,
    KafkaError.COORDINATOR_NOT_AVAILABLE,
    KafkaError.COORDINATOR_LOAD_IN_PROGRESS,
}
PAUSE_SECONDS = 0.05


def committed(consumer: Consumer, asked: list[TopicPartition], patience_s: float) -> list[TopicPartition]:
    """The consumer's group's positions of these partitions; raises KafkaException when the patience is over."""
    deadline = time.monotonic() + patience_s
    while True:
        try:
            answers = consumer.committed(asked, max(0.1, deadline - time.monotonic()))
            failed = next((each.error for each in answers if each.error is not None), None)
            if failed is None:
                return answers
            raise KafkaException(failed)
        except KafkaException as problem:
            if kafka_error(problem).code() not in _COMING or time.monotonic() > deadline:
                raise
        time.sleep(PAUSE_SECONDS)
