"""One real Kafka for a whole test session, shared by all of its processes."""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.kafka import server


@pytest.fixture(scope="session")
def kafka(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a real broker: the one in STREAMWATCHD_KAFKA, or one started here and stopped at the end.

    Without Java or Maven the test is skipped with a word, or fails where STREAMWATCHD_REQUIRE_KAFKA=1.
    """
    if given := os.environ.get("STREAMWATCHD_KAFKA"):
        yield given
        return
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if "PYTEST_XDIST_WORKER" in os.environ else base) / "kafka"
    with needing_kafka():
        address = _join(folder)
    yield address
    _leave(folder)


@contextmanager
def needing_kafka() -> Iterator[None]:
    """Turns `CannotRun` into a skip with a word, or into a failure where a real Kafka is required."""
    try:
        yield
    except server.CannotRun as problem:
        if os.environ.get("STREAMWATCHD_REQUIRE_KAFKA") == "1":
            pytest.fail(f"no real Kafka: {problem}")
        pytest.skip(f"no real Kafka: {problem}")


def _join(folder: Path) -> str:
    """Count this process as a user; the first one starts the broker."""
    with _locked(folder):
        address = server.address(folder) or server.start(folder)
        (folder / f"user-{os.getpid()}").touch()
        return address


def _leave(folder: Path) -> None:
    """The last user stops the broker."""
    with _locked(folder):
        (folder / f"user-{os.getpid()}").unlink()
        if not any(_is_alive(each) for each in folder.glob("user-*")):
            server.stop(folder)
            for data in folder.glob("node-*/data"):
                shutil.rmtree(data, ignore_errors=True)


def _is_alive(user: Path) -> bool:
    return Path("/proc", user.name.removeprefix("user-")).exists()


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
