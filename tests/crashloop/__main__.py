"""Runs of the crash loop until so many kills are in the ledger: `make crashloop KILLS=n SEED=s [MINUTES=m]`.

python -m tests.crashloop --kills 1000 --seed 1 [--minutes 60] [--kafka h:p]
python -m tests.crashloop --kills 40 --only call  at the n-th write, fsync and rename alone
python -m tests.crashloop --table                 what the ledger has, for docs/reliability.md
"""

from __future__ import annotations

import argparse
import os
import shutil
import signal
import sys
import tempfile
import time
from pathlib import Path

from tests.crashloop import ledger
from tests.crashloop.blows import STRIKES
from tests.crashloop.ledger import Line
from tests.crashloop.loop import Result, Run, Shape
from tests.kafka import server
from tests.ledger import BUILD, engine

_SNAPSHOTS = ("300ms", "1s", "3s")


def main() -> int:
    """0 when nothing was lost or doubled."""
    options = _parse()
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))  # and end what was started
    if options.table:
        sys.stdout.write(ledger.table(ledger.LEDGER.read()) + "\n")
        return 0
    given = options.kafka or os.environ.get("STREAMWATCHD_KAFKA", "")
    if given:
        return campaign(given, options)
    folder = BUILD / "crashloop-kafka"
    try:
        return campaign(server.start(folder, heap="1g", lasting=True), options)
    except server.CannotRun as problem:
        sys.stderr.write(f"no real Kafka: {problem}\n")
        return 2
    finally:
        server.stop(folder)


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.crashloop")
    parser.add_argument("--kills", type=int, default=1_000)
    parser.add_argument("--seed", type=int, default=1, help="of the first run; the others count on from there")
    parser.add_argument("--minutes", type=float, default=0, help="begin no run after so many minutes")
    parser.add_argument("--kafka", default="", metavar="HOST:PORT", help="a broker that is there; else one is started")
    parser.add_argument(
        "--only", default="", choices=["", *STRIKES], help="this kind of blow, and now and then a restart"
    )
    parser.add_argument("--keep-going", action="store_true", help="go on after a run that went wrong")
    parser.add_argument("--table", action="store_true", help="print what the ledger has, as Markdown")
    return parser.parse_args()


def campaign(servers: str, options: argparse.Namespace) -> int:
    begun, this, seed = time.monotonic(), engine(), options.seed
    done = {
        line.seed: line
        for line in ledger.LEDGER.read()
        if line.engine == this and line.seed >= seed and line.only == options.only
    }
    kills, at_fault = sum(line.kills for line in done.values()), sum(bool(line.faults) for line in done.values())
    say(f"engine {this}: {kills} kills in the ledger from seed {seed} on, {options.kills} wanted")
    while kills < options.kills and not (options.minutes and time.monotonic() - begun > 60 * options.minutes):
        if seed not in done:
            line = one(servers, seed, options.only)
            ledger.LEDGER.write(line)
            kills, at_fault = kills + line.kills, at_fault + bool(line.faults)
            say(_words(line, kills))
            if line.faults and not options.keep_going:
                break
        seed += 1
    say(f"{kills} kills, {at_fault} run(s) with something lost, doubled or otherwise wrong")
    return 1 if at_fault else 0


def one(servers: str, seed: int, only: str) -> Line:
    """A run in a folder that is kept only when it went wrong."""
    folder = Path(tempfile.mkdtemp(prefix=f"crashloop-{seed}-"))
    strikes = {only: 1} if only else STRIKES
    shape = Shape(
        shards=2 + seed % 2, rules=8 * (seed // 2 % 2), snapshot_every=_SNAPSHOTS[seed % 3], strikes=strikes
    )  # fmt: skip
    run = Run(servers, folder, seed, shape)
    try:
        result: Result = run.run()
    except Exception as error:  # whatever stops a run is a finding, and the campaign has more seeds
        result = run.result
        result.faults.append(f"{type(error).__name__}: {str(error)[-3000:]}")
    if result.faults:
        (folder / "faults").write_text("\n".join(result.faults))
        say(f"seed {seed} went wrong: see {folder}")
    else:
        shutil.rmtree(folder)
    return ledger.line_of(seed, result, only)


def _words(line: Line, kills: int) -> str:
    verdict = f"{len(line.faults)} FAULTS, first: {line.faults[0][:300]}" if line.faults else "0 lost, 0 doubled"
    return (
        f"seed {line.seed}: {line.kills} kills ({line.killed} processes), {line.switches} changes, {line.records} "
        f"records, {line.outputs} outputs in {line.seconds:.0f} s: {verdict}; {kills} kills so far"
    )


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
