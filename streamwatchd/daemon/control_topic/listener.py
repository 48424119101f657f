"""Reads the control topic in a thread: each record once, in the order of its partition, refused ones told.

A record is dealt with before the position is kept. A daemon that dies between the two reads it again: what it said is
known by its id then, and has no second effect.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import Protocol

from streamwatchd.batch import RawBatch
from streamwatchd.daemon.control_topic.effects import REPEATED, Effects, Later
from streamwatchd.daemon.control_topic.position import Position
from streamwatchd.daemon.control_topic.records import EndSilence, Said, decode, kind_of
from streamwatchd.daemon.logs import Log
from streamwatchd.daemon.metrics import Metrics
from streamwatchd.errors import BadRecord, StateMismatch, Unavailable
from streamwatchd.ports.kafka import Kafka, NewTopic, Partition, Reader, Record

_PARTITIONS = 1
_TAKE_S = 0.5
_RETRY_S = 1.0
_FLUSH_S = 10.0
_MOST = 100
_UNKNOWN, _REFUSED = "unknown", "refused"


class _Loads(Protocol):
    def load(self) -> None: ...


class Listener:
    """From `start` to `close`. `dispositions` are loaded before the first record."""

    def __init__(
        self,
        kafka: Kafka,
        topic: str,
        dead_letters: str,
        position: Position,
        effects: Effects,
        dispositions: _Loads,
        metrics: Metrics,
        log: Log,
    ) -> None:
        self._kafka, self._topic, self._dead_letters = kafka, topic, dead_letters
        self._position, self._effects, self._dispositions = position, effects, dispositions
        self._metrics, self._log = metrics, log
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._run, name="control-topic", daemon=True)
        self._waits = ""

    def start(self) -> None:
        self._thread.start()

    def close(self) -> None:
        self._closed.set()
        self._thread.join(timeout=5)

    def _run(self) -> None:
        while not self._closed.is_set():
            try:
                self._dispositions.load()
                self._read()
            except (Unavailable, StateMismatch) as error:
                self._waiting(str(error))
            except Exception:
                self._log.error("control_topic_crashed", topic=self._topic, exc_info=True)
            self._closed.wait(_RETRY_S)

    def _waiting(self, reason: str) -> None:
        if reason != self._waits:
            self._log.warning("control_topic_waiting", topic=self._topic, reason=reason)
        self._waits = reason

    def _read(self) -> None:
        positions = self._positions()
        reader = self._kafka.reader()
        try:
            reader.assign(positions)
            self._log.info(
                "control_topic_opened", topic=self._topic, positions={str(p): n for p, n in positions.items()}
            )
            while not self._closed.is_set():
                self._turn(reader)
        finally:
            reader.close()

    def _positions(self) -> Mapping[Partition, int]:
        """Where to go on: where it stood, or the first record that is still there."""
        admin = self._kafka.admin()
        try:
            admin.ensure_topics([NewTopic(self._topic, _PARTITIONS)])
            facts = admin.describe([self._topic])[self._topic]
            self._position.load(self._topic, facts.id)
            partitions = [Partition(self._topic, number) for number in range(facts.partitions)]
            begins, ends = admin.beginning_offsets(partitions), admin.end_offsets(partitions)
        except KeyError:
            raise Unavailable(f"there is no topic {self._topic} yet") from None
        finally:
            admin.close()
        stood = self._position.next
        return {each: min(max(stood.get(each.partition, 0), begins[each]), ends[each]) for each in partitions}

    def _turn(self, reader: Reader) -> None:
        for batch in reader.take(_MOST, _TAKE_S).batches:
            for row in range(len(batch)):
                while not self._deal(batch, row):
                    if self._closed.wait(_RETRY_S):
                        return

    def _deal(self, batch: RawBatch, row: int) -> bool:
        """Whether the record is dealt with; else the same again. Raises Unavailable."""
        payload, offset = batch.payloads[row], batch.offsets[row]
        kind, said_id = _UNKNOWN, ""
        try:
            said = decode(payload)
            kind, said_id = kind_of(said), said.id
            outcome = REPEATED
            if not self._position.had(said_id):
                again = self._position.was_doing(said_id)
                if not again:
                    self._position.begin(said_id)
                outcome = self._apply(said, batch.timestamps[row], again=again)
            self._log.info("control_record_taken", kind=kind, id=said_id, outcome=outcome)
        except BadRecord as error:
            outcome, said_id = _REFUSED, ""
            self._refuse(batch, row, kind, str(error))
        except (Later, Unavailable) as error:
            self._waiting(str(error))
            return False
        self._position.end(batch.partition, offset, said_id)
        self._metrics.add("control_records_total", 1, (("kind", kind), ("outcome", outcome)))
        self._waits = ""
        return True

    def _apply(self, said: Said, stamp_ms: int, *, again: bool) -> str:
        """What a daemon died over and has no effect any more had it before."""
        try:
            return self._effects.apply(said, stamp_ms)
        except BadRecord:
            if again and isinstance(said, EndSilence):
                return REPEATED
            raise

    def _refuse(self, batch: RawBatch, row: int, kind: str, reason: str) -> None:
        """Raises Unavailable where nobody can be told: the record comes again."""
        offset = batch.offsets[row]
        about = {"source": "control", "topic": batch.topic, "partition": batch.partition, "offset": offset}
        headers = tuple((name, str(text).encode()) for name, text in {**about, "reason": reason}.items())
        key = None if batch.keys is None else batch.keys[row]
        writer = self._kafka.plain_writer()
        try:
            writer.send([Record(self._dead_letters, batch.payloads[row], key, headers=headers)])
            writer.flush(_FLUSH_S)
        finally:
            writer.close()
        self._log.warning(
            "control_record_refused", topic=batch.topic, partition=batch.partition, offset=offset, kind=kind,
            reason=reason,
        )  # fmt: skip
