"""A daemon behind a proxy that loses, delays and doubles what it says to the broker; nothing may be lost, doubled or
torn."""

from __future__ import annotations

import random
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from tests.brokers.witness import Witness
from tests.kafka import server
from tests.kafka.proxy import (
    ADD_OFFSETS,
    ADD_PARTITIONS,
    END_TXN,
    FETCH,
    INIT_PRODUCER_ID,
    PRODUCE,
    TXN_OFFSET_COMMIT,
    Fault,
    Plan,
    Proxy,
    advertise,
)

CALLS = {
    END_TXN: "EndTxn", TXN_OFFSET_COMMIT: "TxnOffsetCommit", ADD_PARTITIONS: "AddPartitionsToTxn",
    ADD_OFFSETS: "AddOffsetsToTxn", PRODUCE: "Produce", FETCH: "Fetch", INIT_PRODUCER_ID: "InitProducerId",
}  # fmt: skip
_STRUCK_S = 90.0
IMPATIENT = {"transaction.abort.timed.out.transaction.cleanup.interval.ms": "1000"}


@dataclass(slots=True)
class Result:
    """`late` counts the broker's answers to late copies of EndTxn by error code; 0 would have ended a transaction."""

    injections: Counter[str] = field(default_factory=Counter)
    late: Counter[int] = field(default_factory=Counter)
    events: int = 0
    rebuilds: int = 0
    seconds: float = 0.0
    faults: list[str] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Blow:
    call: int
    fault: Fault
    seconds: float = 0.0

    def __str__(self) -> str:
        return f"{CALLS[self.call]} {self.fault.name.lower().replace('_', ' ')}"


def draw(rng: random.Random) -> list[Blow]:
    """One to three faults in a row; most are of EndTxn, and most of those arrive twice: the second after the next
    begin."""
    call = rng.choices([*CALLS], [60, 10, 6, 6, 8, 4, 6])[0]
    blows = [_blow(rng, call)]
    if call == INIT_PRODUCER_ID:
        blows.append(Blow(END_TXN, Fault.LOSE_ANSWER))  # it is called only after a doubtful end
    elif call == END_TXN and rng.random() < 0.25:
        blows.append(_blow(rng, END_TXN))
    return blows


def _blow(rng: random.Random, call: int) -> Blow:
    fault = rng.choices([*Fault], [2, 3, 1, 5 if call == END_TXN else 1])[0]
    longest = {Fault.DELAY: 6.0, Fault.TWICE: 2.5}.get(fault, 0.0)
    return Blow(call, fault, rng.uniform(0.05, longest) if longest else 0.0)


class Injections:
    """One broker, one proxy, one daemon with two shards, in `folder`."""

    def __init__(self, folder: Path, seed: int) -> None:
        self._folder, self._rng = folder, random.Random(seed)
        self.result = Result()

    def run(self, injections: int) -> Result:
        """So many faults at least; raises CannotRun."""
        begun, port, kafka = time.monotonic(), server.free_ports(1)[0], self._folder / "kafka"
        with Proxy("streamwatchd") as proxy:
            server.start(kafka, port=port, properties={**advertise(proxy.port), **IMPATIENT})
            proxy.target = ("127.0.0.1", port)
            try:
                self._judge(Witness(f"127.0.0.1:{proxy.port}", self._folder), proxy, injections)
            finally:
                server.stop(kafka)
        self.result.seconds = time.monotonic() - begun
        return self.result

    def _judge(self, witness: Witness, proxy: Proxy, injections: int) -> None:
        try:
            self._strike(witness, proxy, injections)
            self.result.faults += witness.verdict()
        finally:
            witness.end()
            self.result.events = witness.sent

    def _strike(self, witness: Witness, proxy: Proxy, injections: int) -> None:
        witness.start()
        witness.until(lambda: witness.health()[0] == 200, 180)
        witness.feed_on()
        before = proxy.seen["streamwatchd", INIT_PRODUCER_ID, 4]
        twice: list[Plan] = []
        while self.result.injections.total() < injections:
            blows = draw(self._rng)
            plans = [proxy.plan(each.call, each.fault, each.seconds) for each in blows]
            for blow, plan in zip(blows, plans, strict=True):
                assert plan.struck.wait(_STRUCK_S), f"{blow} struck nothing\n{witness.log.read_text()[-3000:]}"
                self.result.injections[str(blow)] += 1
            twice += [plan for plan in plans if plan.fault is Fault.TWICE]
            time.sleep(self._rng.uniform(0.0, 0.5))
        time.sleep(1.0)
        self.result.late.update(plan.late_code for plan in twice if plan.late_code is not None)
        self.result.rebuilds = proxy.seen["streamwatchd", INIT_PRODUCER_ID, 4] - before
        witness.feed_no_more()
