"""Runs until so many reloads are in the ledger: `make reloads N=n SEED=s`.

python -m tests.reloads --reloads 10000 --seed 1
python -m tests.reloads --table                 what the ledger has, for docs/reliability.md
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from tests.ledger import BUILD, Ledger, commit, engine, stretches, today
from tests.reloads.run import Result, run

SHARE = 500
"""Reloads of one seed: a campaign that is stopped goes on with the next."""


@dataclass(frozen=True, slots=True)
class Line:
    """A seed that is done."""

    seed: int
    engine: str
    commit: str
    day: str
    reloads: int
    kinds: dict[str, int]
    refused: int
    switches: int
    records: int
    outputs: int
    seconds: float
    faults: list[str]


LEDGER = Ledger(BUILD / "reloads.ndjson", Line)


def line_of(seed: int, result: Result) -> Line:
    return Line(
        seed, engine(), commit(), today(), result.reloads,
        dict(result.kinds), result.refused, result.switches, result.records, result.outputs,
        round(result.seconds, 1), result.faults[:20],
    )  # fmt: skip


def table(lines: list[Line]) -> str:
    """Markdown: what each engine went through."""
    rows = [
        "| engine | seeds | reloads | refused | changes | records | outputs of steady rules | at fault | day |",
        "|" + " --- |" * 9,
    ]
    for name in dict.fromkeys(line.engine for line in lines):
        mine = [line for line in lines if line.engine == name]
        total: Counter[str] = Counter()
        for line in mine:
            total.update(
                {each: getattr(line, each) for each in ("reloads", "refused", "switches", "records", "outputs")}
            )
        counts = " | ".join(f"{total[each]:,}" for each in ("reloads", "refused", "switches", "records", "outputs"))
        seeds = stretches(sorted({line.seed for line in mine}))
        at_fault = sum(bool(line.faults) for line in mine)
        rows.append(f"| {mine[-1].commit} ({name}) | {seeds} | {counts} | {at_fault} | {mine[-1].day} |")
    return "\n".join(rows)


def main() -> int:
    """0 when nothing was wrong."""
    parser = argparse.ArgumentParser(prog="python -m tests.reloads")
    parser.add_argument("--reloads", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=1, help="of the first run; the others count on from there")
    parser.add_argument("--table", action="store_true", help="print what the ledger has, as Markdown")
    options = parser.parse_args()
    if options.table:
        say(table(LEDGER.read()))
        return 0
    done = {line.seed: line for line in LEDGER.read() if line.engine == engine() and line.seed >= options.seed}
    seed = options.seed
    while sum(line.reloads for line in done.values()) < options.reloads and not any(
        each.faults for each in done.values()
    ):
        if seed not in done:
            done[seed] = line = one(seed)
            verdict = f"{len(line.faults)} FAULTS, first: {line.faults[0][:500]}" if line.faults else "nothing wrong"
            say(f"seed {seed}: {line.reloads} reloads, {line.switches} changes, {line.seconds:.0f} s: {verdict}")
        seed += 1
    at_fault = sum(bool(line.faults) for line in done.values())
    say(f"{sum(line.reloads for line in done.values()):,} reloads, {at_fault} run(s) at fault")
    return 1 if at_fault else 0


def one(seed: int) -> Line:
    with tempfile.TemporaryDirectory(prefix="reloads-") as folder:
        line = line_of(seed, run(Path(folder), seed, SHARE))
    LEDGER.write(line)
    return line


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
