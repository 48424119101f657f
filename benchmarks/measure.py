"""What a tree of processes uses: processor time and memory, from /proc; and lines that are seen at once."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

TICKS = os.sysconf("SC_CLK_TCK")
PAGE = os.sysconf("SC_PAGE_SIZE")
SAMPLE_SECONDS = 0.05
STOP_SECONDS = 15.0


@dataclass(frozen=True, slots=True)
class Sample:
    """At `at` (seconds since the epoch) the tree had used `cpu_s` in all and held `rss_bytes`."""

    at: float
    cpu_s: float
    rss_bytes: int


def _stat(pid: int) -> list[str]:
    text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    return text[text.rindex(")") + 2 :].split()


def tree(root: int) -> list[int]:
    """A process and all its descendants."""
    children: dict[int, list[int]] = defaultdict(list)
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                children[int(_stat(int(entry.name))[1])].append(int(entry.name))
            except OSError:
                continue
    found = [root]
    for pid in found:
        found += children[pid]
    return found


def sample(pids: Sequence[int]) -> Sample:
    """Processor time counts children that have ended and were waited for."""
    ticks = pages = 0
    for pid in pids:
        try:
            fields = _stat(pid)
        except OSError:
            continue
        ticks += sum(map(int, fields[11:15]))
        pages += int(fields[21])
    return Sample(time.time(), ticks / TICKS, pages * PAGE)


def resident() -> int:
    """Bytes of memory that this process holds."""
    return sample([os.getpid()]).rss_bytes


def say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


def put_first(pid: int) -> None:
    """Raise a process's scheduling group where that is allowed, so that the rest of a shared machine disturbs less.

    Linux' autogroups share the cores evenly between sessions, whatever their nice values.
    """
    try:
        Path(f"/proc/{pid}/autogroup").write_text(os.environ.get("BENCH_GROUP_NICE", "-15"), encoding="ascii")
    except OSError:
        return


class Program:
    """A program under measurement, in a session of its own; its output goes to `log`."""

    def __init__(self, command: Sequence[str], log: Path, environment: Mapping[str, str] | None = None) -> None:
        self.log = log
        self.started = time.time()
        with log.open("wb") as out:
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
                env={**os.environ, **(environment or {})},
            )  # fmt: skip
        put_first(self._process.pid)
        self.samples = [sample([self._process.pid])]
        self._leaving = threading.Event()
        self._sampler = threading.Thread(target=self._watch, daemon=True)
        self._sampler.start()

    def _watch(self) -> None:
        pids: list[int] = []
        while not self._leaving.wait(SAMPLE_SECONDS):
            if len(self.samples) % 4 == 1:
                pids = tree(self._process.pid)
            self.samples.append(sample(pids))

    @property
    def pid(self) -> int:
        return self._process.pid

    @property
    def exit_code(self) -> int | None:
        return self._process.poll()

    def cpu_s(self, since: float, until: float) -> float:
        """Processor time between two instants, interpolated between samples."""
        return self._cpu_at(until) - self._cpu_at(since)

    def _cpu_at(self, at: float) -> float:
        before = self.samples[0]
        for after in self.samples:
            if after.at >= at:
                share = (at - before.at) / (after.at - before.at) if after.at > before.at else 1.0
                return before.cpu_s + max(0.0, share) * (after.cpu_s - before.cpu_s)
            before = after
        return before.cpu_s

    @property
    def peak_rss_bytes(self) -> int:
        return max(each.rss_bytes for each in self.samples)

    def stop(self) -> None:
        """SIGTERM, then SIGKILL for whatever of the tree has not left."""
        self._leaving.set()
        self._sampler.join()
        pids = tree(self._process.pid) if self.exit_code is None else []
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
        for pid in pids:
            try:
                os.kill(pid, signal.SIGKILL)
            except OSError:
                continue
        self._process.wait()

    def __enter__(self) -> Program:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
