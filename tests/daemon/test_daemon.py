"""The daemon's start and end; a running one is in tests/kafka."""

from __future__ import annotations

import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamwatchd.compiler import compile_project
from streamwatchd.daemon.contents import Bundle
from streamwatchd.daemon.daemon import Daemon, Surroundings
from streamwatchd.errors import Unavailable
from streamwatchd.ports.fake_kafka import FakeKafka
from tests.daemon.project import ListLog, rule, write_project
from tests.shard.small import content


@pytest.fixture(autouse=True)
def signals() -> Iterator[None]:
    """Put back what a daemon sets."""
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


def daemon(folder: Path, **settings: str) -> Daemon:
    config = write_project(folder, {"a.yaml": rule("one")}, **settings)
    found = compile_project(config).loaded.settings
    assert found is not None
    return Daemon(config, found, Surroundings(lambda settings: FakeKafka()))


def test_a_stop_while_waiting_for_a_topic_ends_it(tmp_path: Path) -> None:
    """Exit code 0: nothing was begun."""

    def stop() -> None:
        time.sleep(0.3)
        os.kill(os.getpid(), signal.SIGTERM)

    found = daemon(tmp_path)
    threading.Thread(target=stop).start()
    assert found.run() == 0


def test_older_rules_that_are_lost_are_named_with_their_version(tmp_path: Path) -> None:
    """And what that means."""
    found, log = daemon(tmp_path), ListLog()
    found._store.add(content("v0"), Bundle(b"", {}, {}))
    found._store.add(content("v1"), Bundle(b"", {}, {}), 1_767_571_200_000)
    found._store._compiled.clear()
    found._log = log
    assert found._older() == []
    said = [(each["version"], each["since"], "nothing to do unless" in each["hint"]) for _, _, each in log.lines]
    assert said == [(0, "the beginning", True), (1, "2026-01-05T00:00:00.000Z", True)]
    found._lock.release()


def test_the_state_folder_has_one_daemon(tmp_path: Path) -> None:
    """The second is refused before it does anything."""
    first = daemon(tmp_path)
    with pytest.raises(Unavailable, match="another daemon"):
        daemon(tmp_path)
    first._lock.release()
    daemon(tmp_path)._lock.release()


def test_an_address_that_is_taken_is_said(tmp_path: Path) -> None:
    """And the folder is free again afterwards."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        found = daemon(tmp_path, listen=f"'127.0.0.1:{taken.getsockname()[1]}'")
        with pytest.raises(Unavailable, match="can't listen"):
            found.run()
    daemon(tmp_path)._lock.release()
