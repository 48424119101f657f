"""The daemon as a process of a test: started, asked, told, and ended whatever happens."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from confluent_kafka import OFFSET_BEGINNING, Consumer, KafkaError, TopicPartition

from streamwatchd.batch import RawBatch
from streamwatchd.ports.kafka import Kafka, Partition

EXIT_MISMATCH = 4
Letter = tuple[list[tuple[str, bytes]], bytes | None]
"""Headers and payload."""


class Process:
    """`python -m streamwatchd` over `config`, which says `listen: 127.0.0.1:<port>`; its log is in `log`."""

    def __init__(self, config: Path, port: int, log: Path) -> None:
        self.config, self.port, self.log = config, port, log
        self.process: subprocess.Popen[bytes] | None = None
        self.environment: dict[str, str] = {}
        """More of it for the next start."""
        self.wrapper: list[str] = []
        """A command that runs the daemon, such as a tracer."""

    def start(self) -> None:
        command = [*self.wrapper, sys.executable, "-m", "streamwatchd", "--config", str(self.config)]
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                command, stderr=log, stdin=subprocess.DEVNULL, env=os.environ | self.environment
            )

    def run(self, *words: str) -> tuple[int, str]:
        """The daemon with these words, until it leaves by itself: its exit code and what it says."""
        command = [sys.executable, "-m", "streamwatchd", "--config", str(self.config), *words]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        return done.returncode, done.stderr

    def start_and_wait(self) -> None:
        self.start()
        self.until_up()

    def until_up(self) -> None:
        self.until(lambda: self.health()[0] == 200)

    def signal(self, number: int) -> int:
        assert self.process is not None
        self.process.send_signal(number)
        return self.process.wait(40)

    def until_left(self) -> None:
        """By itself, with the code that is not restarted and a word why."""
        assert self.process is not None
        assert self.process.wait(120) == EXIT_MISMATCH

    def workers(self) -> list[int]:
        """Those that are up; one that was just killed may be among them."""
        assert self.process is not None
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [int(pid) for pid in children if b"spawn_main" in _command_of(pid)]

    def end(self) -> None:
        if self.process is not None and self.process.poll() is None:
            with contextlib.suppress(OSError):
                for pid in self.workers():
                    os.kill(pid, signal.SIGKILL)
            self.process.kill()
            self.process.wait()

    def until(self, wanted: Callable[[], bool], seconds: float = 60.0) -> None:
        deadline = time.monotonic() + seconds
        while not wanted():
            assert time.monotonic() < deadline, self.log.read_text()[-4000:]
            time.sleep(0.05)

    # what it says

    def health(self) -> tuple[int, dict[str, Any]]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/healthz", timeout=5) as answer:
                return answer.status, json.loads(answer.read())
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.loads(error.read())
        except OSError:
            return 0, {}

    def samples(self, name: str) -> list[str]:
        """The lines of one metric."""
        with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=5) as answer:
            lines = answer.read().decode().splitlines()
        return [line for line in lines if line.startswith((f"{name} ", f"{name}{{"))]

    def metric(self, name: str) -> float:
        """The sum over its labels."""
        return sum(float(line.rpartition(" ")[2]) for line in self.samples(name))

    def logged(self, event: str) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in self.log.read_text().splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == event]


def read_topic(kafka: Kafka, topic: str) -> Iterator[RawBatch]:
    """All that a read_committed consumer sees in a topic now; nothing where there is no such topic."""
    admin, reader = kafka.admin(), kafka.reader(read_committed=True)
    try:
        partitions = [Partition(topic, number) for number in range(admin.partitions_of([topic]).get(topic, 0))]
        reader.assign(admin.beginning_offsets(partitions))
        ended: frozenset[Partition] = frozenset()
        while partitions and not ended >= set(partitions):
            taken = reader.take(10_000, 0.5)
            yield from taken.batches
            ended |= taken.at_end
    finally:
        reader.close()
        admin.close()


def read_letters(servers: str, topic: str) -> list[Letter]:
    """The same with headers, which the engine's own reader leaves aside."""
    options = {"bootstrap.servers": servers, "group.id": "none", "enable.partition.eof": True}
    quick = {"fetch.wait.max.ms": 20}  # an end is told by an answer without records, for which a broker waits 500 ms
    consumer = Consumer({**options, **quick, "isolation.level": "read_committed", "enable.auto.commit": False})
    try:
        left = set(consumer.list_topics(topic, timeout=10).topics[topic].partitions)
        consumer.assign([TopicPartition(topic, number, OFFSET_BEGINNING) for number in left])
        found: list[Letter] = []
        while left:
            message = consumer.poll(10)
            assert message is not None
            error = message.error()
            if error is None:
                found.append((message.headers() or [], message.value()))
            else:
                assert error.code() == KafkaError._PARTITION_EOF, error
                left.discard(message.partition())
        return found
    finally:
        consumer.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _command_of(pid: str) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""
