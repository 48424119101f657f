"""Who runs the reference job, each once on the loaded topic: the daemon, dry-run, plain consumption, the prototype."""

from __future__ import annotations

import json
import os
import sys
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.measure import Program
from benchmarks.ref1 import answers, topics
from benchmarks.ref1.deployment import FirstRecord, deploy
from benchmarks.ref1.oracle import Answer, Row

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
PEERS = Path(os.environ.get("STREAMWATCHD_BENCH_PEERS", ROOT.parent / "shared" / "bench"))
PEERS_PYTHON = os.environ.get("STREAMWATCHD_BENCH_PYTHON", sys.executable)
PARTITIONS = 4
EVENTS_PER_MINUTE = 300_000
PATIENCE_SECONDS = 120.0


class Absent(Exception):
    """This contestant is not on this machine; the text says what is missing."""


@dataclass(frozen=True, slots=True)
class Job:
    """What every contestant gets. `topic` holds `events` events of the file `recording`."""

    bootstrap: str
    topic: str
    events: int
    recording: Path
    hosts: Path
    answer: Answer
    work: Path


@dataclass(frozen=True, slots=True)
class Run:
    """One measured run. `wall_s` and `cpu_s` count from the first record read, `startup_s` is what came before."""

    name: str
    events: int
    startup_s: float
    wall_s: float
    cpu_s: float
    startup_cpu_s: float
    peak_rss_bytes: int
    steady_rate: float | None = None
    verdict: answers.Verdict | None = None

    @property
    def rate(self) -> float:
        return self.events / self.wall_s

    @property
    def cpu_us(self) -> float:
        return self.cpu_s / self.events * 1e6


def measured(name: str, job: Job, program: Program, first: float, last: float, **more: Any) -> Run:
    cpu = program.cpu_s(first, last)
    before = program.cpu_s(program.started, first)
    return Run(name, job.events, first - program.started, last - first, cpu, before, program.peak_rss_bytes, **more)


def marks(log: Path) -> dict[str, list[float]]:
    """`BENCH name ms` lines as seconds, by name."""
    found: dict[str, list[float]] = {}
    for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
        match line.split():
            case ["BENCH", name, at, *_]:
                found.setdefault(name, []).append(float(at) / 1000)
    return found


def give_up(name: str, program: Program) -> RuntimeError:
    tail = program.log.read_text(encoding="utf-8", errors="replace")[-3000:]
    return RuntimeError(f"{name} gave no complete answer (exit code {program.exit_code}); its log ends:\n{tail}")


# --- plain consumption -----------------------------------------------------------------------------------------------


def plain(job: Job) -> Run:
    """Two processes that read and do nothing, with the daemon's client settings."""
    log = job.work / "plain.log"
    both = " & ".join(
        f"{sys.executable} -m benchmarks.ref1.plain {job.bootstrap} {job.topic} {mine}" for mine in ("0 2", "1 3")
    )
    with Program(["sh", "-c", f"{both} & wait"], log, {"PYTHONPATH": str(ROOT)}) as program:
        until = time.time() + PATIENCE_SECONDS
        while len(marks(log).get("last_record", [])) < 2:
            if time.time() > until or program.exit_code not in (None, 0):
                raise give_up("plain consumption", program)
            time.sleep(0.02)
        found = marks(log)
        return measured("plain", job, program, min(found["first_record"]), max(found["last_record"]))


# --- the columnar prototype ------------------------------------------------------------------------------------------


def prototype(job: Job) -> Run:
    """The two-process columnar program beside this project: the job by hand, without checkpoints or rules."""
    script = PEERS / "columnar_proto.py"
    if not script.exists():
        raise Absent(f"no {script}; STREAMWATCHD_BENCH_PEERS says where it is")
    name = f"prototype-{uuid.uuid4().hex[:8]}"
    kpis, alerts = f"{name}.kpis", f"{name}.alerts"
    topics.create(job.bootstrap, {kpis: 1, alerts: 1}, {"message.timestamp.type": "LogAppendTime"})
    environment = {
        "KAFKA_BOOTSTRAP": job.bootstrap, "IN_TOPIC": job.topic, "KPI_TOPIC": kpis, "ALERT_TOPIC": alerts,
        "HOSTS_CSV": str(job.hosts), "WORKERS": "2", "POLARS_MAX_THREADS": "1",
    }  # fmt: skip

    def reading(topic: str, document: Mapping[str, Any]) -> Row:
        return {"topic": topic.rpartition(".")[2], **document}

    with Program([PEERS_PYTHON, str(script)], job.work / "prototype.log", environment) as program:
        found = topics.harvest(
            job.bootstrap, [kpis, alerts], reading, job.answer, lambda: program.exit_code is None, PATIENCE_SECONDS
        )
        if found.complete_at is None:
            raise give_up("the prototype (does its Python have orjson and pyarrow?)", program)
        first = min(marks(program.log)["first_record"])
        return measured("prototype", job, program, first, found.complete_at, **judged(job, found))


def judged(job: Job, found: topics.Harvest) -> dict[str, Any]:
    return {
        "verdict": answers.compare(job.answer, found.rows),
        "steady_rate": found.steady_rate(job.answer.last_window_end, EVENTS_PER_MINUTE),
    }


# --- the daemon and dry-run ------------------------------------------------------------------------------------------


def from_ours(topic: str, document: Mapping[str, Any]) -> Row:
    return answers.from_kpi(document) if topic.endswith("kpis") else answers.from_alert(document)


def daemon(job: Job) -> Run:
    """streamwatchd with two shards on the real broker, until its last required row is committed and visible."""
    return _deployed("daemon", job, "exactly_once")


def at_least_once(job: Job) -> Run:
    """The same without transactions."""
    return _deployed("at_least_once", job, "at_least_once")


def _deployed(called: str, job: Job, delivery: str) -> Run:
    ours = deploy(job.work, job.bootstrap, job.topic, job.hosts, delivery=delivery)
    outputs = [ours.kpis, ours.alerts]
    topics.create(job.bootstrap, dict.fromkeys(outputs, 1), {"message.timestamp.type": "LogAppendTime"})
    watch = FirstRecord(ours)
    with Program(ours.command, ours.log, {"POLARS_MAX_THREADS": "1"}) as program:
        watch.start()
        found = topics.harvest(
            job.bootstrap, outputs, from_ours, job.answer, lambda: program.exit_code is None, PATIENCE_SECONDS
        )
        watch.stop()
        if found.complete_at is None:
            raise give_up(f"the daemon ({answers.compare(job.answer, found.rows)})", program)
        first = watch.at or program.started
        return measured(called, job, program, first, found.complete_at, **judged(job, found))


def dry_run(job: Job) -> Run:
    """`swctl dry-run` on the same events, start included: it has no first record to wait for."""
    ours = deploy(job.work, job.bootstrap, job.topic, job.hosts)
    out = ours.folder / "out"
    command = [
        sys.executable,
        "-c",
        "from streamwatchd.cli import main; main()",
        "dry-run",
        "--config",
        str(ours.folder / "streamwatchd.yaml"),
    ]
    command += ["--source", "requests", "--partitions", str(PARTITIONS), str(job.recording), "--out", str(out)]
    with Program(command, ours.log, {"POLARS_MAX_THREADS": "1"}) as program:
        while program.exit_code is None:
            time.sleep(0.01)
        ended = time.time()
        if not (out / "kpis.ndjson").exists():
            raise give_up("dry-run", program)
        rows = list(written(out / "kpis.ndjson", answers.from_kpi)) + list(
            written(out / "alerts.ndjson", answers.from_alert)
        )
        verdict = answers.compare(job.answer, rows)
        return measured("dry-run", job, program, program.started, ended, verdict=verdict)


def written(path: Path, reading: Callable[[Mapping[str, Any]], Row]) -> list[Row]:
    with path.open("rb") as file:
        return [reading(json.loads(line)) for line in file]


CONTESTANTS: Mapping[str, Callable[[Job], Run]] = {
    "plain": plain,
    "prototype": prototype,
    "daemon": daemon,
    "at_least_once": at_least_once,
    "dry-run": dry_run,
}
