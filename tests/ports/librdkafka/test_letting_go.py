"""A client that failed and is let go is gone at once, threads and queues with it, though no garbage is collected."""

from __future__ import annotations

import contextlib
import gc
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from streamwatchd.errors import Unavailable
from streamwatchd.ports.kafka import Partition, Record
from streamwatchd.ports.librdkafka import Librdkafka
from streamwatchd.ports.librdkafka import writer as writer_module
from streamwatchd.ports.librdkafka.writer import LibrdkafkaWriter, _Bounded

NOBODY = Librdkafka({"bootstrap.servers": "127.0.0.1:1"}, patience_s=0.2)
P0 = Partition("t", 0)


@pytest.fixture(autouse=True)
def no_collector() -> Iterator[None]:
    """As in a worker, which collects garbage rarely."""
    gc.collect()
    gc.disable()
    yield
    gc.enable()


def clients() -> int:
    """How many of librdkafka's there are in this process."""
    names = []
    for task in Path("/proc/self/task").iterdir():
        with contextlib.suppress(OSError):
            names.append((task / "comm").read_text().strip())
    return names.count("rdk:main")


def flush() -> None:
    writer = NOBODY.plain_writer()
    writer.send([Record("t", b"x")])
    try:
        writer.flush(0.2)
    finally:
        writer.close()


def describe() -> None:
    NOBODY.admin().describe(["t"])


def find_ends() -> None:
    admin = NOBODY.admin()
    admin._demand = lambda partitions: None  # type: ignore[method-assign]
    admin.end_offsets([P0])


def find_committed() -> None:
    admin = NOBODY.admin()
    try:
        admin.committed("g", [P0])
    finally:
        admin.close()


def fence() -> None:
    NOBODY.fence("w")


def rebuild() -> None:
    writer = LibrdkafkaWriter(NOBODY.options, "w", opened=False)
    try:
        writer.rebuild()
    finally:
        writer.close()


@pytest.mark.parametrize("fail", [flush, describe, find_ends, find_committed, fence, rebuild])
def test_a_client_is_gone_with_its_owner(fail: Callable[[], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """In an outage clients are made again and again: each that stayed would cost five threads and its memory."""
    for name in ("OPEN_SECONDS", "FENCE_SECONDS", "MEETING_SECONDS"):
        monkeypatch.setattr(writer_module, name, 0.2)
    before = clients()
    with pytest.raises(Unavailable):
        fail()
    deadline = time.monotonic() + 5
    while clients() > before:
        assert time.monotonic() < deadline, f"{clients() - before} client(s) stayed"
        time.sleep(0.02)


def test_a_call_that_fails_keeps_nothing() -> None:
    """What was called, and the producer that it knows, is free once the error is dealt with."""

    class Producer:
        gone = False

        def call(self) -> None:
            raise Unavailable("no")

        def __del__(self) -> None:
            Producer.gone = True

    def run(producer: Producer) -> None:
        with pytest.raises(Unavailable):
            _Bounded(producer.call).run(5)

    run(Producer())
    assert Producer.gone


def test_a_call_that_was_given_up_keeps_nothing_once_it_fails() -> None:
    """Nobody waits for it any more when its error comes."""
    over, gone = threading.Event(), threading.Event()

    class Producer:
        def call(self) -> None:
            over.wait(20)
            raise Unavailable("no")

        def __del__(self) -> None:
            gone.set()

    with pytest.raises(TimeoutError):
        _Bounded(Producer().call).run(0.01)
    assert not gone.is_set()
    over.set()
    assert gone.wait(20)
