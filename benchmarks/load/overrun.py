"""Input faster than the machine: the lag must grow and memory must not, and the daemon must say so and recover.

usage: python -m benchmarks.load.overrun [--rate 50000] [--share 0.1] [--seconds 150] [--kafka host:port]

A daemon with two shards on a real Kafka gets more events a second than it can take for some minutes, then none. Its
workers are made slow: they run for a share of each 50 ms only, as on a machine so much smaller. One event in 100 is
an alert at once; all must come.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.latency.listener import first_heard
from benchmarks.latency.run import at_work
from benchmarks.latency.traffic import HOSTS, Offered, lines, offer
from benchmarks.measure import Program, put_first, tree
from benchmarks.ref1 import events
from benchmarks.ref1.contestants import ROOT
from benchmarks.ref1.deployment import Deployment
from benchmarks.ref1.run import broker

LAG, READ = "streamwatchd_consumer_lag_records", "streamwatchd_records_total"
CLEAR_SECONDS = 150.0
PATIENCE_SECONDS = 900.0
PERIOD_SECONDS = 0.05


@dataclass(frozen=True, slots=True)
class Found:
    """Rates in events a second, memory of the whole process tree in MiB, times in seconds.

    Workers ran for `share` of the time while the input came. `early_mib` is after 20 s, `overrun_mib` the most until
    the input ended, `after_mib` the most from there on.
    `fired_after_s` counts from the first event, `cleared_after_s` from the last.
    """

    share: float
    offered_per_s: float
    taken_per_s: float
    most_lag: int
    early_mib: float
    overrun_mib: float
    after_mib: float
    worked_off_s: float
    fired_after_s: float | None
    cleared_after_s: float | None
    alerts: int
    missing: int


class Slow(threading.Thread):
    """Lets the processes below `root` run for a share of the time only; used as a context."""

    def __init__(self, root: int, share: float) -> None:
        super().__init__(daemon=True)
        self._root, self._share = root, share
        self._leave = threading.Event()

    def run(self) -> None:
        number = 0
        workers: list[int] = []
        while not self._leave.is_set():
            if number % 20 == 0:
                workers = tree(self._root)[1:]
            number += 1
            self._tell(workers, signal.SIGSTOP)
            self._leave.wait(PERIOD_SECONDS * (1 - self._share))
            self._tell(workers, signal.SIGCONT)
            self._leave.wait(PERIOD_SECONDS * self._share)

    def _tell(self, pids: Sequence[int], number: signal.Signals) -> None:
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, number)

    def __enter__(self) -> Slow:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._leave.set()
        self.join()


def measure(bootstrap: str, work: Path, share: float, rate: int, seconds: float) -> Found:
    topic = f"overrun-{time.strftime('%H%M%S')}"
    with at_work(bootstrap, work, topic) as (ours, program, ear):
        began = time.time()
        with Slow(program.pid, share):
            offered = offer(bootstrap, topic, rate, 0.0, seconds, lines())
            sums = ours.sums()
            taken, lag = total(sums, READ), total(sums, LAG)
        worked_off = until_worked_off(ours)
        until_cleared(ours)
        heard = first_heard(ear.heard())
    return judged(ours, program, offered, began, taken, int(lag), worked_off, heard, share)


def judged(
    ours: Deployment, program: Program, offered: Offered, began: float, taken: float, lag: int, worked_off: float,
    heard: Mapping[int, float], share: float,
) -> Found:  # fmt: skip
    def most(since: float, until: float) -> float:
        return max((each.rss_bytes for each in program.samples if since <= each.at <= until), default=0) / (1 << 20)

    said = {name: list(logged(ours.log, name)) for name in ("self_alert_fired", "self_alert_resolved")}
    fired, cleared = said["self_alert_fired"], said["self_alert_resolved"]
    return Found(
        share,
        round(offered.rate),
        round(taken / (offered.ended - began)),
        lag,
        round(most(began, began + 20)),
        round(most(began, offered.ended)),
        round(most(offered.ended, worked_off)),
        round(worked_off - offered.ended, 1),
        round(fired[0] - began, 1) if fired else None,
        round(cleared[-1] - offered.ended, 1) if cleared else None,
        len(offered.sent),
        len(offered.sent.keys() - heard.keys()),
    )


def total(sums: Mapping[str, float], name: str) -> float:
    return sum(value for series, value in sums.items() if series.startswith(name + "{"))


def until_worked_off(ours: Deployment) -> float:
    """When nothing was waiting any more; seconds since the epoch."""
    until = time.time() + PATIENCE_SECONDS
    while time.time() < until:
        sums = ours.sums()
        if sums and total(sums, LAG) < 1_000:
            return time.time()
        time.sleep(0.5)
    raise RuntimeError(f"still behind after {PATIENCE_SECONDS:.0f} s; see {ours.log}")


def until_cleared(ours: Deployment) -> None:
    until = time.time() + CLEAR_SECONDS
    while time.time() < until and not list(logged(ours.log, "self_alert_resolved")):
        time.sleep(1)


def logged(log: Path, event: str) -> Iterator[float]:
    """When the log tells of `event` of the alert `streamwatchd.input_outpaces`; seconds since the epoch."""
    for line in log.read_text(encoding="utf-8").splitlines():
        if line.startswith("{"):
            said = json.loads(line)
            if said["event"] == event and said["alert"] == "streamwatchd.input_outpaces":
                at = time.strptime(said["timestamp"][:19], "%Y-%m-%dT%H:%M:%S")
                yield time.mktime(at) - time.timezone


def main(given: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.load.overrun", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--share", type=float, default=0.1, help="of the time that workers run")
    parser.add_argument("--rate", type=int, default=50_000, help="events a second")
    parser.add_argument("--seconds", type=float, default=150)
    parser.add_argument("--kafka", help="host:port of a real broker; one is started when none is named")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "bench-overrun")
    options = parser.parse_args(given)
    put_first(os.getpid())
    work = options.work / time.strftime("%Y%m%d-%H%M%S")
    work.mkdir(parents=True)
    events.inventory(events.Shape(hosts=HOSTS)).write_csv(work / "hosts.csv")
    with broker(options.kafka, work) as bootstrap:
        print(json.dumps(asdict(measure(bootstrap, work, options.share, options.rate, options.seconds))))
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
