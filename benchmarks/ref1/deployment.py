"""The daemon with the job's rules, ready to start: its folder, its port, and how to see that it works."""

from __future__ import annotations

import re
import shutil
import socket
import sys
import threading
import time
import urllib.request
import uuid
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
WORKER_UP = re.compile(r"^streamwatchd_worker_up\{[^}]*\} 1(?:\.0)?$", re.MULTILINE)
SAMPLE = re.compile(r"^(\w+)(?:\{(.*)\})? (\S+)$", re.MULTILINE)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@dataclass(frozen=True, slots=True)
class Deployment:
    """One installation, its names and topics used by nobody else. `listen` is host:port of its metrics."""

    name: str
    folder: Path
    listen: str

    @property
    def kpis(self) -> str:
        return f"{self.name}.kpis"

    @property
    def alerts(self) -> str:
        return f"{self.name}.alerts"

    @property
    def journal(self) -> str:
        return f"{self.name}.journal"

    @property
    def command(self) -> list[str]:
        return [sys.executable, "-m", "streamwatchd", "--config", str(self.folder / "streamwatchd.yaml")]

    @property
    def log(self) -> Path:
        return self.folder.with_suffix(".log")

    def metrics(self) -> str:
        """What /metrics says; empty while nobody listens."""
        try:
            with urllib.request.urlopen(f"http://{self.listen}/metrics", timeout=1) as response:
                return str(response.read().decode())
        except OSError:
            return ""

    def sums(self) -> dict[str, float]:
        """Every series of /metrics, added up over shards: `name{labels without shard}` → value."""
        found: defaultdict[str, float] = defaultdict(float)
        for name, labels, value in SAMPLE.findall(self.metrics()):
            kept = ",".join(each for each in labels.split(",") if each and not each.startswith("shard="))
            found[f"{name}{{{kept}}}"] += float(value)
        return found


def deploy(
    work: Path,
    bootstrap: str,
    topic: str,
    hosts: Path | None,
    *,
    delivery: str = "exactly_once",
    project: Path = HERE / "project",
) -> Deployment:
    """A copy of the project for one run under `work`."""
    name, listen = f"ref1-{uuid.uuid4().hex[:8]}", f"127.0.0.1:{free_port()}"
    folder = work / name
    shutil.copytree(project, folder)
    if hosts is not None:
        shutil.copy(hosts, folder / "enrichment.d" / "hosts.csv")
    config = folder / "streamwatchd.yaml"
    text = config.read_text(encoding="utf-8").replace("ref1", name).replace("topic: requests", f"topic: {topic}")
    text = text.replace("127.0.0.1:9092", bootstrap).replace("127.0.0.1:9464", listen)
    config.write_text(text + f"delivery: {delivery}\n", encoding="utf-8")
    return Deployment(name, folder, listen)


class FirstRecord(threading.Thread):
    """Asks the daemon's metrics until they show a worker at work; `at` is when, seconds since the epoch.

    A worker says so at the end of its first turn: it has then waited for records once, and taken what was there.
    """

    def __init__(self, deployment: Deployment) -> None:
        super().__init__(daemon=True)
        self._deployment = deployment
        self._leave = threading.Event()
        self.at: float | None = None

    def run(self) -> None:
        while self.at is None and not self._leave.wait(0.02):
            if WORKER_UP.search(self._deployment.metrics()):
                self.at = time.time()

    def stop(self) -> None:
        self._leave.set()
        self.join()
