"""What the client says of a request that was lost, delayed or sent twice, and which calls in which versions it makes.

The writer decides by these signs whether a transaction's end may be on its way twice; they are measured, not believed.
"""

from __future__ import annotations

import logging
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

from confluent_kafka import Consumer, KafkaError, KafkaException, Producer, TopicPartition, libversion

from streamwatchd.ports.kafka import Committed, NewTopic, Partition
from streamwatchd.ports.librdkafka import Librdkafka
from tests.brokers.injections import CALLS, IMPATIENT
from tests.kafka import server
from tests.kafka.proxy import (
    ADD_OFFSETS,
    ADD_PARTITIONS,
    API_VERSIONS,
    END_TXN,
    FIND_COORDINATOR,
    METADATA,
    TXN_OFFSET_COMMIT,
    Fault,
    Proxy,
    advertise,
)

CASES = [
    (END_TXN, Fault.LOSE_REQUEST, 0.0),
    (END_TXN, Fault.LOSE_ANSWER, 0.0),
    (END_TXN, Fault.TWICE, 1.0),
    (END_TXN, Fault.DELAY, 3.0),
    (END_TXN, Fault.DELAY, 7.0),
    (TXN_OFFSET_COMMIT, Fault.LOSE_ANSWER, 0.0),
    (TXN_OFFSET_COMMIT, Fault.DELAY, 7.0),
]
_P0 = TopicPartition("t", 0)
_TELLING = ("FAIL", "REQTMOUT", "PROTOERR", "TXNERR", "FATAL", "RETRY")


class _Ear(logging.Handler):
    """The kinds of lines in the client's log."""

    def __init__(self) -> None:
        super().__init__()
        self.kinds: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        arguments = record.args if isinstance(record.args, tuple) else ()
        if arguments and arguments[0] in _TELLING:
            self.kinds.append(str(arguments[0]))


@dataclass(frozen=True, slots=True)
class Heard:
    case: str
    reported: str
    took_s: float
    callbacks: tuple[str, ...]
    log: tuple[str, ...]


class Client:
    """A producer with the writer's options, and all that can be heard of it."""

    def __init__(self, servers: str, transactional_id: str) -> None:
        self.ear, self.callbacks = _Ear(), list[str]()
        logger = logging.Logger("librdkafka")
        logger.addHandler(self.ear)
        self._producer = Producer(
            {"bootstrap.servers": servers, "transactional.id": transactional_id, "transaction.timeout.ms": 15_000,
             "message.timeout.ms": 10_000, "socket.timeout.ms": 5_000, "retry.backoff.ms": 5, "linger.ms": 3,
             "log.connection.close": True, "log_level": 6, "logger": logger, "error_cb": self._heard,
             "client.id": "measured"}
        )  # fmt: skip
        group = Consumer({"bootstrap.servers": servers, "group.id": transactional_id})
        group.committed([_P0], 30)
        self._group = group.consumer_group_metadata()
        group.close()
        self._producer.init_transactions(30)

    def _heard(self, error: KafkaError) -> None:
        self.callbacks.append(error.name())

    def begin(self, number: int) -> None:
        self._producer.begin_transaction()
        self._producer.produce("t", b"%d" % number, partition=0)
        self._producer.flush(10)
        offsets = [TopicPartition("t", 0, number, f"n={number}")]
        self._producer.send_offsets_to_transaction(offsets, self._group, 20)

    def end(self) -> str:
        try:
            self._producer.commit_transaction(20)
        except KafkaException as problem:
            return str(problem.args[0].name())
        return "committed"

    def heard(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Codes of the error callback and kinds of log lines since the last call, each once."""
        self._producer.poll(0.3)
        found = tuple(dict.fromkeys(self.callbacks)), tuple(dict.fromkeys(self.ear.kinds))
        self.ear.kinds.clear()
        self.callbacks.clear()
        return found


class Bench:
    """A broker behind a proxy."""

    def __init__(self, folder: Path, proxy: Proxy) -> None:
        self.proxy, port = proxy, server.free_ports(1)[0]
        server.start(folder, port=port, properties={**advertise(proxy.port), **IMPATIENT})
        proxy.target = ("127.0.0.1", port)
        self.servers = f"127.0.0.1:{proxy.port}"
        self.kafka = Librdkafka({"bootstrap.servers": self.servers}, patience_s=60)
        self.kafka.admin().ensure_topics([NewTopic("t", 1)])

    def hear(self, call: int, fault: Fault, seconds: float) -> Heard:
        name = f"{CALLS[call]} {fault.name.lower().replace('_', ' ')}" + (f" {seconds:.0f} s" if seconds else "")
        client = Client(self.servers, name.replace(" ", "-"))
        client.begin(1)
        client.end()
        client.heard()
        plan, begun = self.proxy.plan(call, fault, seconds), time.monotonic()
        reported = "never came"
        try:
            client.begin(2)
            reported = client.end()
        except KafkaException as problem:
            reported = str(problem.args[0].name())
        took_s = time.monotonic() - begun
        plan.struck.wait(30)
        return Heard(name, reported, round(took_s, 1), *client.heard())

    def again_and_again(self, count: int) -> dict[str, float]:
        """Requests per transaction by call, of `count` that follow each other at once: more than one is tried again,
        as the broker still writes the markers of the one before (CONCURRENT_TRANSACTIONS)."""
        client = Client(self.servers, "busy")
        client.begin(0)
        client.end()
        before = self.proxy.seen.copy()
        for number in range(count):
            client.begin(number)
            client.end()
        made = self.proxy.seen - before
        return {
            name: sum(n for (who, key, _), n in made.items() if (who, key) == ("measured", call)) / count
            for call, name in CALLS.items()
            if call in (ADD_PARTITIONS, ADD_OFFSETS, TXN_OFFSET_COMMIT, END_TXN)
        }

    def ends_the_next(self) -> tuple[bool, int | None]:
        """Whether the late copy of an EndTxn ends the next transaction of a producer that is not rebuilt, and what the
        broker answered to it."""
        client = Client(self.servers, "careless")
        client.begin(1)
        client.end()
        plan = self.proxy.plan(END_TXN, Fault.TWICE, 2.0)
        client.begin(2)
        client.end()
        client.begin(3)
        plan.struck.wait(30)
        time.sleep(1.0)
        place = Partition("t", 0)
        try:
            settled = self.kafka.admin().committed("careless", [place])[place]
        except Exception:  # the transaction is still open, as it should be
            return False, plan.late_code
        return settled == Committed(3, "n=3"), plan.late_code


def report() -> str:
    """Markdown."""
    with tempfile.TemporaryDirectory(prefix="signals-") as name, Proxy() as proxy:
        folder = Path(name)
        try:
            bench = Bench(folder, proxy)
            heard = [bench.hear(*case) for case in CASES]
            torn, code = bench.ends_the_next()
            tries = bench.again_and_again(100)
            seen = sorted((call, version) for client, call, version in proxy.seen if client == "measured")
        finally:
            server.stop(folder)
    lines = ["| what happens | the call says | after | error callback | client's log |", "|" + " --- |" * 5]
    lines += [
        f"| {each.case} | {each.reported} | {each.took_s} s | {', '.join(each.callbacks) or 'silent'} "
        f"| {', '.join(each.log) or 'silent'} |"
        for each in heard
    ]
    names = {**CALLS, METADATA: "Metadata", FIND_COORDINATOR: "FindCoordinator", API_VERSIONS: "ApiVersions"}
    spoken = ", ".join(f"{names.get(call, call)} v{version}" for call, version in seen)
    tried = ", ".join(f"{name} {count:.2f}" for name, count in tries.items())
    return "\n".join(
        [f"librdkafka {libversion()[0]} speaks: {spoken}", "", *lines, "",
         f"A late copy of EndTxn, producer not rebuilt: broker's code {code}, next transaction ended by it: {torn}",
         f"Requests per transaction, back to back: {tried}"]
    )  # fmt: skip
