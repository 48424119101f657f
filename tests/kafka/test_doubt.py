"""A bad network between the client and a real broker: what the writer and the reader say about it."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from streamwatchd.errors import Unavailable
from streamwatchd.ports.kafka import Committed, NewTopic, Outcome, Partition, Reader, Record, Writer
from streamwatchd.ports.librdkafka import Librdkafka
from streamwatchd.ports.librdkafka import writer as writer_module
from tests.kafka import server
from tests.kafka.fixtures import needing_kafka
from tests.kafka.proxy import END_TXN, INIT_PRODUCER_ID, TXN_OFFSET_COMMIT, Fault, Proxy, advertise

pytestmark = pytest.mark.kafka
PATIENCE_SECONDS = 20.0
P0 = Partition("t", 0)


@dataclass(frozen=True)
class Network:
    proxy: Proxy
    kafka: Librdkafka


@pytest.fixture(scope="module")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Network]:
    """A broker of its own, reached only through a proxy."""
    folder = tmp_path_factory.mktemp("kafka")
    broker_port = server.free_ports(1)[0]
    impatient = {"transaction.abort.timed.out.transaction.cleanup.interval.ms": "200"}
    with needing_kafka(), Proxy() as proxy:
        server.start(folder, port=broker_port, properties={**advertise(proxy.port), **impatient})
        proxy.target = ("127.0.0.1", broker_port)
        try:
            kafka = Librdkafka({"bootstrap.servers": f"127.0.0.1:{proxy.port}"})
            kafka.admin().ensure_topics([NewTopic("t", 1)])
            yield Network(proxy, kafka)
        finally:
            server.stop(folder)


def epoch(writer: Writer, group: str, number: int) -> Outcome:
    writer.begin()
    writer.send([Record("t", b"%d" % number, partition=0)])
    writer.send_offsets(group, {P0: Committed(number)})
    return writer.commit(PATIENCE_SECONDS)


@pytest.mark.parametrize(
    ("request_kind", "fault", "seconds"),
    [
        (END_TXN, Fault.LOSE_REQUEST, 0.0),
        (END_TXN, Fault.LOSE_ANSWER, 0.0),
        (END_TXN, Fault.TWICE, 1.0),
        (END_TXN, Fault.DELAY, 4.0),
        (TXN_OFFSET_COMMIT, Fault.LOSE_ANSWER, 0.0),
    ],
)
def test_what_may_be_on_its_way_twice_is_doubtful(
    network: Network, request_kind: int, fault: Fault, seconds: float, tmp_path: Path
) -> None:
    """The client sends again by itself and reports success: the writer knows better and is rebuilt."""
    name = tmp_path.name
    writer = network.kafka.writer(name)
    assert epoch(writer, name, 1) is Outcome.COMMITTED
    if writer.doubtful:
        writer.rebuild()
    plan = network.proxy.plan(request_kind, fault, seconds)
    outcome = epoch(writer, name, 2)
    assert plan.struck.wait(PATIENCE_SECONDS)
    assert writer.doubtful
    writer.rebuild()
    settled = network.kafka.admin().committed(name, [P0])[P0]
    assert settled == Committed(2 if outcome is Outcome.COMMITTED else 1)
    assert epoch(writer, name, 3) is Outcome.COMMITTED
    assert network.kafka.admin().committed(name, [P0]) == {P0: Committed(3)}


def test_a_broker_that_is_away_leaves_the_outcome_unknown(network: Network) -> None:
    """The commit gives up at its time-out; once the broker is back a rebuild settles it."""
    writer = network.kafka.writer("away")
    writer.begin()
    writer.send([Record("t", b"x", partition=0)])
    network.proxy.cut(refuse=True)
    assert writer.commit(1.0) is Outcome.UNKNOWN
    network.proxy.heal()
    writer.rebuild()
    assert epoch(writer, "away", 1) is Outcome.COMMITTED


def test_a_suspended_writer_is_in_doubt_and_not_fenced(network: Network) -> None:
    """The broker ended its transaction by the time-out, as after a machine's sleep; nobody else has the id."""
    options = {
        **network.kafka.options,
        "transaction.timeout.ms": 1000,
        "message.timeout.ms": 900,
        "socket.timeout.ms": 900,
    }
    writer = Librdkafka(options).writer("sleeper")
    writer.begin()
    writer.send([Record("t", b"x", partition=0)])
    writer.send_offsets("sleeper", {P0: Committed(1)})
    time.sleep(2.0)
    assert writer.commit(PATIENCE_SECONDS) is Outcome.UNKNOWN
    writer.rebuild()
    assert epoch(writer, "sleeper", 2) is Outcome.COMMITTED


def test_the_end_is_not_believed_while_the_broker_is_away(network: Network) -> None:
    """A partition counts as ended only when the broker says so after it came back."""
    reader = network.kafka.reader()
    reader.assign({P0: network.kafka.admin().end_offsets([P0])[P0]})
    deadline = time.monotonic() + PATIENCE_SECONDS
    while not reader.take(10, 0.2).at_end:
        assert time.monotonic() < deadline
    network.proxy.cut(refuse=True)
    with pytest.raises(Unavailable):
        take_until_ended(reader)
    network.proxy.heal()
    with contextlib.suppress(Unavailable):
        take_until_ended(reader)
    take_until_ended(reader)
    reader.close()


def take_until_ended(reader: Reader) -> None:
    deadline = time.monotonic() + PATIENCE_SECONDS
    # The first takes after a cut may still believe in the end, until the client hears of it.
    time.sleep(0.2)
    while not reader.take(10, 0.2).at_end:
        assert time.monotonic() < deadline


def kept(network: Network) -> Callable[[], Writer]:
    writer = network.kafka.writer("slow-kept")

    def again() -> Writer:
        writer.rebuild()
        return writer

    return again


def made_anew(network: Network) -> Callable[[], Writer]:
    network.kafka.writer("slow-anew").close()
    return lambda: network.kafka.writer("slow-anew")


@pytest.mark.parametrize("prepare", [kept, made_anew])
def test_an_opening_that_takes_too_long_is_gone_on_with(
    network: Network, prepare: Callable[[Network], Callable[[], Writer]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A second producer would be fenced by the first one's request, which is still on its way."""
    opening = prepare(network)
    monkeypatch.setattr(writer_module, "OPEN_SECONDS", 1.0)
    plan = network.proxy.plan(INIT_PRODUCER_ID, Fault.DELAY, 4.0)
    with pytest.raises(Unavailable):
        opening()
    deadline, writer = time.monotonic() + PATIENCE_SECONDS, None
    while writer is None:
        assert time.monotonic() < deadline
        with contextlib.suppress(Unavailable):
            writer = opening()
    assert plan.struck.wait(PATIENCE_SECONDS)
    time.sleep(0.5)
    assert epoch(writer, prepare.__name__, 2) is Outcome.COMMITTED
