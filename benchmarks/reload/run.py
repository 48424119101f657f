"""What an edit of one file costs a running daemon: compiling beside the work, and for how long a shard takes no record.

    python -m benchmarks.reload.run [--rules 1000] [--files 50] [--reloads 40] [--shards 2] [--rate 5000] [--kafka H:P]

A daemon on a real Kafka, under traffic; each reload edits constants in one file of twenty rules, and the next one waits
until it is in force. The pause is the daemon's own `streamwatchd_switch_pause_seconds`, from the worker's last take
before the change to its first after it; `held` is what the supervisor sees, from its first question to its last word.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import socket
import sys
import tempfile
import threading
import time
import urllib.request
import uuid
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.measure import Program
from benchmarks.ref1 import events, oracle, topics
from benchmarks.ref1.contestants import ROOT
from benchmarks.ref1.run import broker
from benchmarks.rules import projects
from streamwatchd.ports.kafka import Record
from streamwatchd.ports.librdkafka import Librdkafka

PARTITIONS = 4
HEADER = f"source: requests\nevery: {projects.EVERY}\nrules:\n"
SINKS = ("alerts", "kpis", "late", "dead_letters", "exchange", "journal")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Site:
    """A project of many files, its topics, and the daemon's log and metrics."""

    def __init__(self, folder: Path, bootstrap: str, options: argparse.Namespace) -> None:
        self.folder, self.bootstrap, self.port = folder, bootstrap, free_port()
        self.prefix = f"r{uuid.uuid4().hex[:8]}."
        self.config = projects.write(folder, iter(()))
        (folder / "rules.d" / "rules.yaml").unlink()
        rules = list(projects.many_rules(options.rules))
        size = -(-len(rules) // options.files)
        self.files = ["".join(rules[at : at + size]) for at in range(0, len(rules), size)]
        for number in range(len(self.files)):
            self.write(number, 0)
        settings = {
            "app": self.prefix + "app", "shards": options.shards, "listen": f"127.0.0.1:{self.port}",
            "topics": {name: self.prefix + name for name in SINKS}, "state_dir": str(folder / "state"),
        }  # fmt: skip
        text = projects.SETTINGS.replace("127.0.0.1:9092", bootstrap).replace(
            "topic: requests", f"topic: {self.prefix}in"
        )
        self.config.write_text(text + "".join(f"{name}: {json.dumps(value)}\n" for name, value in settings.items()))
        topics.create(bootstrap, {f"{self.prefix}in": PARTITIONS})

    def write(self, number: int, edit: int) -> None:
        """The file with its constants moved by `edit`, renamed into place."""
        text = re.sub(r"> (\d+)", lambda match: f"> {int(match[1]) + edit}", self.files[number])
        (self.folder / "new").write_text(HEADER + text, encoding="utf-8")
        (self.folder / "new").replace(self.folder / "rules.d" / f"rules-{number:03}.yaml")

    def metrics(self) -> dict[str, float]:
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/metrics", timeout=5) as answer:
                lines = answer.read().decode().splitlines()
        except OSError:
            return {}
        return {line.rpartition(" ")[0]: float(line.rpartition(" ")[2]) for line in lines if line and line[0] != "#"}

    def logged(self, log: Path, event: str) -> list[dict[str, Any]]:
        lines = [json.loads(line) for line in log.read_text().splitlines() if line.startswith("{")]
        return [line for line in lines if line["event"] == event]


def traffic(site: Site, rate: int, leaving: threading.Event) -> None:
    """Events of ref1's kind at about `rate` a second, stamped so that event time goes at the clock's pace."""
    writer = Librdkafka({"bootstrap.servers": site.bootstrap}).plain_writer()
    partition = {host: oracle.partition_of(host.encode(), PARTITIONS) for host in events.host_names(projects.TRAFFIC)}
    begun = time.monotonic()
    sent = 0
    for frame in events.blocks(10**8, projects.TRAFFIC):
        for part in frame.iter_slices(max(1, rate // 20)):
            if leaving.is_set():
                writer.flush(10)
                return writer.close()
            lines = part.write_ndjson().encode().splitlines()
            writer.send(
                Record(f"{site.prefix}in", line, partition=partition[host])
                for host, line in zip(part["host"], lines, strict=True)
            )
            sent += len(lines)
            leaving.wait(max(0.0, begun + sent / rate - time.monotonic()))
    return None


def measure(site: Site, options: argparse.Namespace) -> dict[str, Any]:
    log, leaving = site.folder / "log", threading.Event()
    command = [sys.executable, "-m", "streamwatchd", "--config", str(site.config)]
    with Program(command, log, {"PYTHONPATH": str(ROOT)}):
        wait_for(lambda: bool(site.logged(log, "daemon_ready")), log)
        feeder = threading.Thread(target=traffic, args=(site, options.rate, leaving), daemon=True)
        feeder.start()
        wait_for(lambda: count_of(site.metrics(), "records_total") > 2 * options.rate, log)
        before = site.metrics()
        for number in range(options.reloads):
            done = len(site.logged(log, "rules_switched"))
            site.write(number % len(site.files), number + 1)
            wait_for(lambda done=done: len(site.logged(log, "rules_switched")) > done, log)
            time.sleep(0.5)
        time.sleep(1.0)
        after = site.metrics()
        leaving.set()
        feeder.join(10)
        return figures(site, log, before, after)


def figures(site: Site, log: Path, before: Mapping[str, float], after: Mapping[str, float]) -> dict[str, Any]:
    held = sorted(float(line["pause_ms"]) for line in site.logged(log, "rules_switched"))
    fresh = {key: value - before.get(key, 0) for key, value in after.items() if "switch_pause_seconds" in key}
    pauses = sum(value for key, value in fresh.items() if "_count" in key)
    total = sum(value for key, value in fresh.items() if "_sum" in key)
    within = {
        bound: sum(value for key, value in fresh.items() if f'le="{bound}"' in key) for bound in ("0.02", "0.05", "0.1")
    }
    return {
        "held_ms": {"p50": at(held, 0.5), "p99": at(held, 0.99), "max": held[-1]},
        "pauses": pauses,
        "mean_ms": 1000 * total / max(pauses, 1),
        "within_s": {bound: count / max(pauses, 1) for bound, count in within.items()},
    }


def at(ordered: Sequence[float], share: float) -> float:
    """The nearest rank."""
    return ordered[max(0, -(-round(share * 1000) * len(ordered) // 1000) - 1)]


def count_of(metrics: Mapping[str, float], name: str) -> float:
    return sum(value for key, value in metrics.items() if key.startswith(f"streamwatchd_{name}"))


def wait_for(wanted: Any, log: Path, seconds: float = 120.0) -> None:
    deadline = time.monotonic() + seconds
    while not wanted():
        if time.monotonic() > deadline:
            raise SystemExit(f"it does not come: {log.read_text()[-3000:]}")
        time.sleep(0.05)


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.reload.run", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--rules", type=int, default=1_000)
    parser.add_argument("--files", type=int, default=50)
    parser.add_argument("--reloads", type=int, default=40)
    parser.add_argument("--shards", type=int, default=2)
    parser.add_argument("--rate", type=int, default=5_000, help="events a second")
    parser.add_argument("--kafka", help="host:port of a real broker; one is started when none is named")
    options = parser.parse_args(given)
    with tempfile.TemporaryDirectory() as folder, broker(options.kafka, Path(folder)) as bootstrap:
        site = Site(Path(folder) / "project", bootstrap, options)
        print(json.dumps(measure(site, options) | {"rules": options.rules, "load": os.getloadavg()[0]}, indent=2))


if __name__ == "__main__":
    main()
