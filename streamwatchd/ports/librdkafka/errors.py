"""What librdkafka's errors mean for us, and the quiet way to hear of lost connections."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from confluent_kafka import KafkaError, KafkaException

from streamwatchd.errors import BadRecord, Fenced, StateMismatch, StreamwatchdError, Unavailable

Options = Mapping[str, str | int | float | bool]

_FENCED = {KafkaError._FENCED, KafkaError.PRODUCER_FENCED, KafkaError.INVALID_PRODUCER_EPOCH}
_MISMATCH = {
    KafkaError.OFFSET_OUT_OF_RANGE,
    KafkaError._AUTO_OFFSET_RESET,
    KafkaError.UNKNOWN_TOPIC_OR_PART,
    KafkaError.UNKNOWN_TOPIC_ID,
    KafkaError._UNKNOWN_TOPIC,
    KafkaError._UNKNOWN_PARTITION,
}
_BAD_RECORD = {KafkaError.MSG_SIZE_TOO_LARGE, KafkaError.INVALID_MSG_SIZE, KafkaError.INVALID_RECORD}
_BUG = {KafkaError._INVALID_ARG, KafkaError._CONFLICT, KafkaError._NOT_IMPLEMENTED}
_CONNECTION = {
    KafkaError._TRANSPORT,
    KafkaError._ALL_BROKERS_DOWN,
    KafkaError._RESOLVE,
    KafkaError._TIMED_OUT,
    KafkaError._TIMED_OUT_QUEUE,
}


def kafka_error(problem: KafkaException | KafkaError) -> KafkaError:
    if isinstance(problem, KafkaException):
        inner = problem.args[0]
        return inner if isinstance(inner, KafkaError) else KafkaError(KafkaError._FAIL, str(inner))
    return problem


def is_fence(error: KafkaError) -> bool:
    return error.code() in _FENCED


def family(problem: KafkaException | KafkaError, doing: str) -> StreamwatchdError | RuntimeError:
    """The error of ours that says who reacts; what nobody can mend by waiting or stopping is a bug."""
    error = kafka_error(problem)
    text = f"{doing}: {error.str()}"
    if is_fence(error):
        return Fenced(text)
    if error.code() in _MISMATCH:
        return StateMismatch(text)
    if error.code() in _BAD_RECORD:
        return BadRecord(f"too_large: {error.str()}")
    if error.code() in _BUG:
        return RuntimeError(text)
    return Unavailable(text)


class Connection:
    """Hears of lost connections through `error_cb`; what it has heard stays set until somebody clears it."""

    def __init__(self) -> None:
        self.lost = self.all_down = self.refused = False
        self.reason = ""

    def heard(self, error: KafkaError) -> None:
        if error.code() in _CONNECTION:
            self.lost = True
        self.all_down |= error.code() == KafkaError._ALL_BROKERS_DOWN
        self.reason = str(error.str())

    @property
    def is_outage(self) -> bool:
        """No broker was there, nor could be had: they close what is idle too, and one of several may be away."""
        return self.all_down and self.refused

    def clear(self) -> None:
        self.lost = self.all_down = self.refused = False


class ConnectionLog(logging.Handler):
    """Hears of every lost connection through the client's log, which comes in order with `poll`.

    The error callback is silent about the connection to the transaction coordinator (measured with 2.16 behind a proxy
    that broke it under an EndTxn: the client sent it again and reported success, and no callback came).
    """

    def __init__(self, connection: Connection) -> None:
        super().__init__()
        self._connection = connection

    def emit(self, record: logging.LogRecord) -> None:
        arguments = record.args if isinstance(record.args, tuple) else ()
        if arguments and arguments[0] in ("FAIL", "REQTMOUT", "PROTOERR"):
            self._connection.lost = True
            self._connection.reason = str(arguments[-1])
            self._connection.refused |= arguments[0] == "FAIL" and "in state UP" not in self._connection.reason

    def options(self) -> dict[str, Any]:
        """Client options that bring the log here instead of to standard error."""
        logger = logging.Logger("librdkafka")
        logger.addHandler(self)
        return {"logger": logger, "log_level": 6, "log.connection.close": True}


def options(*layers: Options, connection: Connection) -> dict[str, Any]:
    """Client options, later layers winning. librdkafka prints its log to standard error: errors come by callback."""
    merged: dict[str, Any] = {"log_level": 2, "client.id": "streamwatchd"}
    for layer in layers:
        merged.update(layer)
    merged["error_cb"] = connection.heard
    return merged
