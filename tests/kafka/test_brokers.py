"""A few of the blows of `make brokers`, on a real broker and on a real cluster of three."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.brokers.cluster import Cluster
from tests.brokers.injections import Injections
from tests.brokers.signals import Bench
from tests.brokers.soak import Soak
from tests.kafka import server
from tests.kafka.fixtures import needing_kafka
from tests.kafka.proxy import Proxy

pytestmark = [pytest.mark.kafka, pytest.mark.campaign]
MOST_GROWTH_MB = 300.0


def test_answers_that_are_lost_and_ends_that_come_late_lose_nothing(tmp_path: Path) -> None:
    """The first copy of an EndTxn arrives when the next transaction has begun; the broker refuses it."""
    with needing_kafka():
        result = Injections(tmp_path, seed=1).run(8)
    assert result.faults == []
    assert result.injections.total() >= 8
    # INVALID_PRODUCER_EPOCH: the producer has another epoch by then. Copies before the next begin end nothing.
    assert 47 in result.late


def test_a_late_end_would_end_the_next_transaction_of_a_careless_producer(tmp_path: Path) -> None:
    """Why the writer is rebuilt whenever an EndTxn may be on its way twice: the client itself reports success."""
    with needing_kafka(), Proxy() as proxy:
        try:
            torn, code = Bench(tmp_path, proxy).ends_the_next()
        finally:
            server.stop(tmp_path)
    assert (torn, code) == (True, 0)


def test_outages_leave_no_clients_behind(tmp_path: Path) -> None:
    """Those that failed are gone with their threads, of which each outage left some ten in the supervisor."""
    with needing_kafka():
        soak = Soak(tmp_path)
    try:
        first, *_, last = list(soak.run(4))[1:]
        assert soak.witness.verdict() == []
    finally:
        soak.end()
    assert last.threads[0] <= first.threads[0] + 8


def test_brokers_are_killed_and_come_back(tmp_path: Path) -> None:
    """The coordinator of a transaction, then all three: the same workers go on, and nothing is lost or doubled."""
    with needing_kafka():
        result = Cluster(tmp_path, seed=1).run(["coordinator", "all"], outage_s=4.0)
    assert result.faults == []
    assert max(each.memory_mb for each in result.rounds) < result.memory_before_mb + MOST_GROWTH_MB
