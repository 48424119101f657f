"""What a dead process left open is ended under its id. When this is done, and who waits for it: test_workers."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from streamwatchd.daemon.fencing import Fencing, transactional_id
from streamwatchd.daemon.process import Job
from streamwatchd.errors import Fenced, Unavailable
from streamwatchd.ports.clock import ManualClock
from streamwatchd.ports.fake_kafka import FakeKafka
from streamwatchd.ports.kafka import Outcome, Partition, Record
from streamwatchd.shard.move import Order
from streamwatchd.shard.owner import Layout
from streamwatchd.shard.start import Assignment
from tests.daemon.project import ListLog
from tests.shard.small import FIRST, SETTINGS, small_shards

OUT = Partition("out", 0)


def job_on(kafka: FakeKafka) -> Job:
    return Job(SETTINGS, Assignment(1, 2, {"in": 1}, (FIRST,), generation=3), kafka, small_shards)


def fence(job: Job) -> ListLog:
    """What is logged until it is over."""
    log = ListLog()
    fencing = Fencing(1, ManualClock(), log)
    fencing.begin(job)
    deadline = time.monotonic() + 20
    while fencing.is_on:
        assert time.monotonic() < deadline
        time.sleep(0.01)
    return log


def test_readers_of_what_others_write_go_on() -> None:
    """The last stable offset stood before the dead worker's first record; nothing of it is seen."""
    kafka = FakeKafka({"out": 1})
    dead, other = kafka.writer(transactional_id(job_on(kafka))), kafka.writer("other")
    dead.begin()
    dead.send([Record("out", b"dead", partition=0)])
    other.begin()
    other.send([Record("out", b"other", partition=0)])
    assert other.commit(1.0) is Outcome.COMMITTED
    assert kafka.admin().end_offsets([OUT], read_committed=True) == {OUT: 0}
    assert fence(job_on(kafka)).events() == ["transaction_ended"]
    assert [record.value for record in kafka.records("out")] == [b"other"]
    with pytest.raises(Fenced):
        dead.commit(1.0)


def test_brokers_that_do_not_answer_are_named() -> None:
    """The successor's opening is left to do it."""
    kafka = FakeKafka()
    kafka.faults.at(1, lambda: Unavailable("no broker answers"), point="kafka.writer")
    ((_, event, fields),) = fence(job_on(kafka)).lines
    assert (event, fields) == ("transaction_left_open", {"shard": 1, "reason": "no broker answers"})


def test_whose_transaction_it_is() -> None:
    """The shard's in its layout; that of whoever moves shards; nobody's with `at_least_once`."""
    job = job_on(FakeKafka())
    order = Order(Layout(3, 2), Layout(4, 1), {"in": 1}, (FIRST,))
    plain = replace(job, settings=replace(SETTINGS, delivery="at_least_once"))
    assert transactional_id(job) == f"{SETTINGS.app}.3.1"
    assert transactional_id(replace(job, order=order)) == f"{SETTINGS.app}.move"
    assert transactional_id(plain) == ""
    assert fence(plain).lines == []
