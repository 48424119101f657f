"""Partitions of which nothing is heard, and not as there is nothing: the watermark waits, and nothing becomes late."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterator
from pathlib import Path

import pytest
from confluent_kafka import Producer

from tests.kafka import server
from tests.kafka.site import Site

pytestmark = pytest.mark.kafka
IDLE_S = 3.0
QUICK = {"broker.session.timeout.ms": "2000", "broker.heartbeat.interval.ms": "500"}
"""A broker that was killed may come back once the controller has given up the one before; that took 9 s."""


def late(site: Site) -> float:
    return site.metric("streamwatchd_late_total") + site.metric("streamwatchd_dead_letters_total")


@pytest.fixture
def site(kafka: str, tmp_path: Path) -> Iterator[Site]:
    site = Site(kafka, tmp_path, source=f"idle_after: {IDLE_S:.0f}s")
    yield site
    site.end()


def test_what_lies_behind_an_open_transaction_is_not_late(site: Site) -> None:
    """The readers of what is committed stand at an end that is none: the others wait for it, until it is over."""
    site.start_and_wait()
    site.feed(500)
    site.until(lambda: site.metric("streamwatchd_records_total") >= 500)
    options = {"bootstrap.servers": str(site.kafka.options["bootstrap.servers"]), "transactional.id": uuid.uuid4().hex}
    hanging = Producer(options)
    hanging.init_transactions(30)
    hanging.begin_transaction()
    hanging.produce(site.topic, b'{"t": 0, "k": "never"}', partition=1)
    hanging.flush(30)
    for _ in range(12):
        site.feed(100)
        time.sleep(IDLE_S / 6)
    hanging.abort_transaction(30)
    site.until_all_counted()
    assert late(site) == 0


def test_a_broker_that_is_away_is_not_silence(tmp_path: Path) -> None:
    """Killed for longer than `idle_after`; what producers kept meanwhile comes once it is back, and is in time."""
    folder = tmp_path / "broker"
    (tmp_path / "site").mkdir()
    site = Site(server.start(folder, properties=QUICK), tmp_path / "site", source=f"idle_after: {IDLE_S:.0f}s")
    try:
        site.start_and_wait()
        site.feed(500)
        site.until(lambda: site.metric("streamwatchd_records_total") >= 500)
        server.kill(folder, 1)
        time.sleep(2 * IDLE_S)
        server.revive(folder, 1)
        site.feed(2_000)
        site.until_all_counted()
        assert late(site) == 0
    finally:
        site.end()
        server.stop(folder)
