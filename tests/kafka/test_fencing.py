"""Two owners of one shard, and an owner that slept: who leaves, who goes on, and what it says."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from streamwatchd.failpoints import FIRED, VARIABLE
from streamwatchd.ports.kafka import Partition
from streamwatchd.shard.owner import Owner
from tests.brokers.injections import IMPATIENT
from tests.brokers.witness import Witness
from tests.kafka import server
from tests.kafka.fixtures import needing_kafka
from tests.kafka.proxy import END_TXN, Fault, Proxy, advertise
from tests.kafka.site import Site

pytestmark = pytest.mark.kafka
TRANSACTION_S = 2.0
TIMEOUT_S = 15.0
"""After which the broker ends a transaction by itself, unless told otherwise."""
PATIENCE_S = 180.0
SHORT = {
    "transaction.timeout.ms": round(TRANSACTION_S * 1000),
    "message.timeout.ms": 1_900,
    "socket.timeout.ms": 1_900,
}


def test_a_second_daemon_of_the_same_application_takes_over(kafka: str, tmp_path: Path) -> None:
    """The first leaves with the code that is not restarted and says why; the second rebuilds the state from Kafka."""
    for name in ("first", "second"):
        (tmp_path / name).mkdir()
    first = Witness(kafka, tmp_path / "first")
    second = Witness(kafka, tmp_path / "second", create=False, name=first.name)
    try:
        first.start()
        first.until(lambda: first.health()[0] == 200, PATIENCE_S)
        first.feed_on()
        first.until_seen(200)
        second.start()
        assert first.process is not None
        assert first.process.wait(PATIENCE_S) == 3
        fenced = first.logged("worker_fenced")[0]
        assert f"`app: {first.name}`" in fenced["hint"]
        second.until(lambda: second.health()[0] == 200, PATIENCE_S)
        second.until_seen(0)
        first.feed_no_more()
        second.sent = first.sent
        assert second.verdict() == []
    finally:
        first.end()
        second.end()


def test_a_killed_workers_transaction_is_ended_before_its_successor_starts(kafka: str, tmp_path: Path) -> None:
    """Readers of what the other shards write are held up no longer, whatever the successor takes to start."""
    fired = tmp_path / "fired"
    fired.mkdir()
    witness = Witness(kafka, tmp_path)
    witness.environment = {VARIABLE: "epoch.committing=kill@20", FIRED: str(fired)}
    try:
        witness.start()
        witness.feed_on()
        witness.until(lambda: bool(witness.logged("worker_lost")), PATIENCE_S)
        (shard,) = {each["shard"] for each in witness.logged("worker_lost")}
        witness.until(lambda: len(started(witness, shard)) == 2, PATIENCE_S)
        (ended,) = witness.logged("transaction_ended")
        assert ended["shard"] == shard
        assert ended["timestamp"] <= started(witness, shard)[1]["timestamp"]
        witness.until(lambda: witness.health()[0] == 200, PATIENCE_S)
        witness.feed_no_more()
        assert [each for each in witness.verdict() if not each.startswith("worker_lost")] == []
    finally:
        witness.end()


def test_a_daemon_that_was_killed_whole_leaves_nothing_that_its_next_start_waits_for(
    kafka: str, tmp_path: Path
) -> None:
    """Its positions are part of a transaction that is open: it is ended at once, not by its time-out of 15 s."""
    site = Site(kafka, tmp_path)
    first, owner = Partition(site.topic, 0), Owner(site.name, 0, 2, 0)
    try:
        site.start_and_wait()
        site.feed(400)
        site.until(lambda: site.metric("streamwatchd_records_total") >= 400)
        site.signal(signal.SIGTERM)
        standing = site.kafka.admin().committed(site.name, [first])[first]
        assert standing is not None
        dead = site.kafka.writer(owner.transactional_id)
        dead.begin()
        dead.send_offsets(site.name, {first: replace(standing, offset=standing.offset + 1)})
        site.start_and_wait()
        assert [each["seconds"] < TIMEOUT_S / 2 for each in site.logged("transactions_ended")] == [True]
        assert not site.logged("kafka_unavailable")
        site.until_all_counted()
    finally:
        site.end()


def started(witness: Witness, shard: int) -> list[dict[str, Any]]:
    return [each for each in witness.logged("worker_started") if each["shard"] == shard]


@contextmanager
def sleeper(folder: Path) -> Iterator[tuple[Witness, Proxy]]:
    """A daemon at work whose transactions the broker ends after 2 s."""
    port, kafka = server.free_ports(1)[0], folder / "kafka"
    with needing_kafka(), Proxy("streamwatchd") as proxy:
        server.start(kafka, port=port, properties={**advertise(proxy.port), **IMPATIENT})
        proxy.target = ("127.0.0.1", port)
        try:
            witness = Witness(f"127.0.0.1:{proxy.port}", folder, kafka=SHORT)
            try:
                witness.start()
                witness.until(lambda: witness.health()[0] == 200, PATIENCE_S)
                witness.feed_on()
                witness.until_seen(200)
                yield witness, proxy
            finally:
                witness.end()
        finally:
            server.stop(kafka)


@pytest.mark.campaign
def test_a_suspended_machine_goes_on_when_it_wakes(tmp_path: Path) -> None:
    """In the middle of a transaction, past its time-out: the broker has aborted it, and the workers send the epoch
    again; none takes it for another owner."""
    with sleeper(tmp_path) as (witness, proxy):
        assert witness.process is not None
        workers = witness.workers()
        everything = (witness.process.pid, *workers)
        assert proxy.plan(END_TXN, Fault.DELAY, 2 * TRANSACTION_S + 2).met.wait(PATIENCE_S)
        for pid in everything:
            os.kill(pid, signal.SIGSTOP)
        time.sleep(2 * TRANSACTION_S + 3)
        for pid in everything:
            os.kill(pid, signal.SIGCONT)
        witness.until_seen(witness.seen())
        witness.feed_no_more()
        assert witness.verdict() == []
        assert witness.workers() == workers


@pytest.mark.campaign
def test_a_suspended_worker_is_replaced_and_does_no_harm(tmp_path: Path) -> None:
    """Its supervisor finds it hung; the successor fences it and goes on where Kafka says."""
    with sleeper(tmp_path) as (witness, proxy):
        worker = witness.workers()[0]
        assert proxy.plan(END_TXN, Fault.DELAY, 2 * TRANSACTION_S + 2).met.wait(PATIENCE_S)
        os.kill(worker, signal.SIGSTOP)
        witness.until(lambda: bool(witness.logged("worker_hung")), PATIENCE_S)
        witness.until(lambda: witness.health()[0] == 200 and worker not in witness.workers(), PATIENCE_S)
        witness.feed_no_more()
        faults = [each for each in witness.verdict() if not each.startswith(("worker_hung", "worker_lost"))]
        assert faults == []
