"""Who reacts to which error of the client."""

from __future__ import annotations

import logging

import pytest
from confluent_kafka import KafkaError, KafkaException

from streamwatchd.errors import BadRecord, Fenced, StateMismatch, Unavailable
from streamwatchd.ports.librdkafka.errors import Connection, ConnectionLog, family, options


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (KafkaError._FENCED, Fenced),
        (KafkaError.PRODUCER_FENCED, Fenced),
        (KafkaError.INVALID_PRODUCER_EPOCH, Fenced),
        (KafkaError.OFFSET_OUT_OF_RANGE, StateMismatch),
        (KafkaError._AUTO_OFFSET_RESET, StateMismatch),
        (KafkaError._UNKNOWN_PARTITION, StateMismatch),
        (KafkaError.MSG_SIZE_TOO_LARGE, BadRecord),
        (KafkaError._ALL_BROKERS_DOWN, Unavailable),
        (KafkaError.COORDINATOR_NOT_AVAILABLE, Unavailable),
        (KafkaError.TOPIC_AUTHORIZATION_FAILED, Unavailable),
        (KafkaError._INVALID_ARG, RuntimeError),
    ],
)
def test_every_error_has_a_family(code: int, expected: type[Exception]) -> None:
    """Waiting, stopping, a dead letter, or a bug; the text says what was being done."""
    made = family(KafkaException(KafkaError(code)), "read t[0]")
    assert type(made) is expected
    assert "too_large" in str(made) if expected is BadRecord else "read t[0]" in str(made)


def test_lost_connections_are_heard_by_callback_and_by_log() -> None:
    """Other errors and other lines are no lost connection."""
    connection = Connection()
    connection.heard(KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED))
    assert not connection.lost
    connection.heard(KafkaError(KafkaError._ALL_BROKERS_DOWN))
    assert connection.lost

    connection = Connection()
    logger = ConnectionLog(connection).options()["logger"]
    logger.log(logging.INFO, "%s [%s] %s", "CONNECTED", "producer-1", "up")
    assert not connection.lost
    logger.log(logging.INFO, "%s [%s] %s", "FAIL", "producer-1", "TxnCoordinator: Disconnected")
    assert (connection.lost, connection.reason) == (True, "TxnCoordinator: Disconnected")


ALL_DOWN = KafkaError(KafkaError._ALL_BROKERS_DOWN)
IDLE = "127.0.0.1:9092/1: Disconnected (after 600000ms in state UP)"
REFUSED = "127.0.0.1:9092/1: Connect to ipv4#127.0.0.1:9092 failed: Connection refused (after 0ms in state CONNECT)"


@pytest.mark.parametrize(
    ("errors", "lines", "expected"),
    [([ALL_DOWN], [IDLE], False), ([], [IDLE, REFUSED], False), ([ALL_DOWN], [IDLE, REFUSED], True)],
)
def test_an_outage_is_when_no_broker_can_be_had(errors: list[KafkaError], lines: list[str], expected: bool) -> None:
    """Not when all connections were idle and closed by brokers, nor when one of several is away."""
    connection = Connection()
    logger = ConnectionLog(connection).options()["logger"]
    for error in errors:
        connection.heard(error)
    for line in lines:
        logger.log(logging.INFO, "%s [%s] %s", "FAIL", "producer-1", line)
    assert connection.lost
    assert connection.is_outage == expected
    connection.clear()
    assert not connection.is_outage


def test_later_options_win() -> None:
    """Our tuning gives way to the user's words, and those to what correctness needs."""
    merged = options({"a": 1, "b": 1, "c": 1}, {"b": 2, "c": 2}, {"c": 3}, connection=Connection())
    assert (merged["a"], merged["b"], merged["c"]) == (1, 2, 3)
