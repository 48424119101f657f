"""Brokers that fail, until so much is in the ledger: `make brokers [INJECTIONS=n ROUNDS=n SEED=s MINUTES=m]`.

python -m tests.brokers --injections 200 --rounds 12 --seed 1
python -m tests.brokers --signals                 what the client says and speaks, measured
python -m tests.brokers --soak 20                 memory and threads over outages, as Markdown
python -m tests.brokers --table                   what the ledger has, for docs/reliability.md
"""

from __future__ import annotations

import argparse
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from tests.brokers import ledger, signals
from tests.brokers.cluster import ROUNDS, Cluster
from tests.brokers.cluster import Result as ClusterResult
from tests.brokers.injections import Injections
from tests.brokers.injections import Result as InjectionResult
from tests.brokers.soak import HEAD, Soak, row
from tests.brokers.witness import FeederBroke
from tests.kafka import server
from tests.ledger import engine

_INJECTIONS_A_RUN = 25
_ROUNDS_A_RUN = 6
_OUTAGE_S = 8.0


def main() -> int:
    """0 when nothing was lost, doubled or torn."""
    options = _parse()
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))  # and end what was started
    if options.table:
        sys.stdout.write(ledger.table(ledger.LEDGER.read()) + "\n")
        return 0
    try:
        if options.signals:
            sys.stdout.write(signals.report() + "\n")
            return 0
        return _soak(options.soak) if options.soak else _campaign(options)
    except server.CannotRun as problem:
        sys.stderr.write(f"no real Kafka: {problem}\n")
        return 2


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.brokers")
    parser.add_argument("--injections", type=int, default=200)
    parser.add_argument("--rounds", type=int, default=12, help="on the cluster of three brokers")
    parser.add_argument("--seed", type=int, default=1, help="of the first run; the others count on from there")
    parser.add_argument("--minutes", type=float, default=0, help="begin no run after so many minutes")
    parser.add_argument("--signals", action="store_true", help="print what the client says and speaks, as Markdown")
    parser.add_argument("--soak", type=int, default=0, metavar="N", help="print memory and threads over N outages")
    parser.add_argument("--table", action="store_true", help="print what the ledger has, as Markdown")
    return parser.parse_args()


def _campaign(options: argparse.Namespace) -> int:
    begun, this = time.monotonic(), engine()
    done = [line for line in ledger.LEDGER.read() if line.engine == this and line.seed >= options.seed]
    seeds = {line.seed for line in done}
    faults = sum(len(line.faults) for line in done)
    injections = sum(sum(line.injections.values()) for line in done)
    rounds = sum(len(line.rounds) for line in done)
    seed = options.seed
    while injections < options.injections or rounds < options.rounds:
        if options.minutes and time.monotonic() - begun > 60 * options.minutes:
            break
        if seed not in seeds:
            line = _one(seed, _on_cluster if rounds < options.rounds and seed % 2 == 0 else _behind_proxy)
            if line is not None:
                ledger.LEDGER.write(line)
                faults += len(line.faults)
                injections, rounds = injections + sum(line.injections.values()), rounds + len(line.rounds)
                _say(f"seed {seed}: {line.events} events in {line.seconds:.0f} s, {line.faults or '0 lost, 0 doubled'}")
                _say(f"{injections} injections, {rounds} rounds so far")
        seed += 1
    _say(f"{injections} injections, {rounds} rounds, {faults} fault(s)")
    return 1 if faults else 0


def _one(seed: int, run: Callable[[Path, int], ClusterResult | InjectionResult]) -> ledger.Line | None:
    """A run in a folder that is kept only when it went wrong; None where it could not be fed to its end."""
    folder = Path(tempfile.mkdtemp(prefix=f"brokers-{seed}-"))
    try:
        result = run(folder, seed)
    except FeederBroke as error:
        _say(f"seed {seed} shows nothing and does not count, see {folder}: the feeding client gave up: {error}")
        return None
    if result.faults:
        (folder / "faults").write_text("\n".join(result.faults))
        _say(f"seed {seed} went wrong: see {folder}")
    else:
        shutil.rmtree(folder)
    return ledger.line_of(seed, result)


def _soak(outages: int) -> int:
    with tempfile.TemporaryDirectory(prefix="soak-") as folder:
        soak = Soak(Path(folder))
        try:
            _say(HEAD)
            for look in soak.run(outages):
                _say(row(look))
            faults = soak.witness.verdict()
        finally:
            soak.end()
    _say("\n".join(faults) or "0 lost, 0 doubled")
    return 1 if faults else 0


def _behind_proxy(folder: Path, seed: int) -> InjectionResult:
    injections = Injections(folder, seed)
    try:
        return injections.run(_INJECTIONS_A_RUN)
    except AssertionError as error:
        injections.result.faults.append(f"it did not go on: {str(error)[-3000:]}")
        return injections.result


def _on_cluster(folder: Path, seed: int) -> ClusterResult:
    cluster = Cluster(folder, seed)
    kinds = list(ROUNDS)
    random.Random(seed).shuffle(kinds)
    try:
        return cluster.run(kinds[:_ROUNDS_A_RUN], _OUTAGE_S)
    except AssertionError as error:
        cluster.result.faults.append(f"it did not go on: {str(error)[-3000:]}")
        return cluster.result


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
