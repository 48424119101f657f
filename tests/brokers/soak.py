"""One broker that is killed again and again: what supervisor and workers keep of each outage."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from streamwatchd.errors import Unavailable
from streamwatchd.ports.kafka import Partition
from tests.brokers.witness import Witness
from tests.kafka import server
from tests.kafka.site import SOURCE_PARTITIONS

HEAP = "256m"
PATIENCE_S = 240.0
_BEHIND = 2_000
"""Events that may be uncommitted while it is fed on."""


@dataclass(frozen=True, slots=True)
class Look:
    """Anonymous memory in MB and threads, of the supervisor and then of each worker, `outages` in."""

    outages: int
    memory_mb: tuple[float, ...]
    threads: tuple[int, ...]


class Soak:
    """A daemon of two shards on one broker, in `folder`. It is fed all the while; the next outage comes once what the
    last one held up is committed, as outputs that wait take memory too."""

    def __init__(self, folder: Path, outage_s: float = 2.0) -> None:
        self._kafka, self._outage_s = folder / "kafka", outage_s
        servers = server.start(self._kafka, heap=HEAP)
        try:
            self.witness = Witness(servers, folder)
        except BaseException:
            server.stop(self._kafka)
            raise
        self._admin = self.witness.kafka.admin()

    def run(self, outages: int) -> Iterator[Look]:
        """A look before the first outage and after each; raises AssertionError where it does not go on."""
        witness = self.witness
        witness.start()
        witness.until(lambda: witness.health()[0] == 200, PATIENCE_S)
        witness.feed_on()
        witness.until_seen(500)
        yield self._look(0)
        for number in range(1, outages + 1):
            server.kill(self._kafka, 1)
            time.sleep(self._outage_s)
            server.revive(self._kafka, 1, heap=HEAP)
            witness.until(lambda: self._committed() >= witness.sent - _BEHIND, PATIENCE_S)
            yield self._look(number)
        witness.feed_no_more()

    def _committed(self) -> int:
        """Events whose alerts and rows are."""
        partitions = [Partition(self.witness.topic, number) for number in range(SOURCE_PARTITIONS)]
        with contextlib.suppress(Unavailable):
            found = self._admin.committed(self.witness.name, partitions)
            return sum(at.offset for at in found.values() if at is not None)
        return 0

    def _look(self, outages: int) -> Look:
        assert self.witness.process is not None
        found = [_status(pid) for pid in (self.witness.process.pid, *self.witness.workers())]
        memory = tuple(round(int(each["RssAnon"].split()[0]) / 1024, 1) for each in found)
        return Look(outages, memory, tuple(int(each["Threads"]) for each in found))

    def end(self) -> None:
        self._admin.close()
        self.witness.end()
        server.stop(self._kafka)


def _status(pid: int) -> dict[str, str]:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return {name: value.strip() for name, _, value in (line.partition(":") for line in lines)}


def row(look: Look) -> str:
    """Of the Markdown table that `HEAD` begins."""
    cells = [f"{mb:.0f} / {threads}" for mb, threads in zip(look.memory_mb, look.threads, strict=True)]
    return f"| {look.outages} | {' | '.join(cells)} |"


HEAD = "| outages | supervisor, MB / threads | worker | worker |\n| ---: | ---: | ---: | ---: |"
