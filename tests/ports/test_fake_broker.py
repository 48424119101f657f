"""The fake's broker: logs, stable ends, epochs."""

from __future__ import annotations

import pytest

from streamwatchd.errors import StateMismatch
from streamwatchd.ports.clock import ManualClock
from streamwatchd.ports.fake_broker import Broker, State
from streamwatchd.ports.kafka import Partition, Record

P0, P1 = Partition("t", 0), Partition("t", 1)


@pytest.fixture
def broker() -> Broker:
    made = Broker(ManualClock(), 1000)
    made.create("t", 2)
    return made


def test_the_stable_end_is_the_earliest_open_transaction(broker: Broker) -> None:
    """Per partition, whoever comes first."""
    record = Record("t", b"")
    first = broker.transaction("a", broker.open_epoch("a"))
    second = broker.transaction("b", broker.open_epoch("b"))
    broker.append(P0, record, None)
    broker.append(P0, record, first)
    broker.append(P0, record, second)
    assert (broker.stable_end(P0), broker.stable_end(P1)) == (1, 0)
    broker.end("a", 0, State.COMMITTED)
    assert broker.stable_end(P0) == 2
    broker.end("b", 0, State.ABORTED)
    assert broker.stable_end(P0) == broker.log(P0).end == 5


def test_an_old_epoch_ends_nothing(broker: Broker) -> None:
    """A late copy of a request of a former producer is ignored."""
    old = broker.open_epoch("a")
    new = broker.open_epoch("a")
    broker.append(P0, Record("t", b""), broker.transaction("a", new))
    broker.end("a", old, State.COMMITTED)
    assert broker.stable_end(P0) == 0
    broker.end("a", new, State.COMMITTED)
    assert broker.stable_end(P0) == 2


def test_a_recreated_topic_has_another_identity(broker: Broker) -> None:
    """So that a reader of offsets can know that they mean something else now."""
    before = broker.ids["t"]
    broker.delete("t")
    with pytest.raises(StateMismatch):
        broker.log(P0)
    broker.create("t", 2)
    assert broker.ids["t"] != before
