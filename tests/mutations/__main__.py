"""Spoilt files until so many are in the ledger: `make mutations N=100000 SEED=s`.

python -m tests.mutations --n 100000 --seed 1
python -m tests.mutations --table                 what the ledger has, for docs/reliability.md
"""

from __future__ import annotations

import argparse
import sys

from tests.ledger import engine
from tests.mutations import ledger
from tests.mutations.corpus import corpus
from tests.mutations.run import run

_A_SEED = 1_000
"""Mutants of one seed."""


def main() -> int:
    """0 when none was believed and none did harm."""
    parser = argparse.ArgumentParser(prog="python -m tests.mutations")
    parser.add_argument("--n", type=int, default=100_000, help="spoilt files that the ledger is to have")
    parser.add_argument("--seed", type=int, default=1, help=f"of the first {_A_SEED:,}; the others count on from there")
    parser.add_argument("--table", action="store_true", help="print what the ledger has, as Markdown")
    options = parser.parse_args()
    if options.table:
        _say(ledger.table(ledger.LEDGER.read()))
        return 0
    return _campaign(options.n, options.seed)


def _campaign(wanted: int, seed: int) -> int:
    this = engine()
    done = {line.seed: line for line in ledger.LEDGER.read() if line.engine == this and line.seed >= seed}
    tried, faults = sum(line.mutants for line in done.values()), sum(len(line.faults) for line in done.values())
    _say(f"engine {this}: {tried:,} in the ledger from seed {seed} on, {wanted:,} wanted")
    while tried < wanted:
        if seed not in done:
            line = ledger.line_of(seed, run(corpus(), seed, min(_A_SEED, wanted - tried)))
            ledger.LEDGER.write(line)
            tried, faults = tried + line.mutants, faults + len(line.faults)
            _say(f"seed {seed}: {line.mutants:,} in {line.seconds:.1f} s, {len(line.faults)} at fault; {tried:,} done")
            for each in line.faults:
                _say(f"  {each}")
        seed += 1
    return 1 if faults else 0


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
