"""Our detectors and the published ones on the Numenta Anomaly Benchmark, by the same scoring.

    git clone --depth 1 https://github.com/numenta/NAB /tmp/nab
    python -m benchmarks.detection.run --nab /tmp/nab [--kinds change,seasonal] [--seed 1]

Prints a Markdown table. Nothing of NAB is committed here.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from benchmarks.detection.detectors import rarity, run
from benchmarks.detection.scoring import Outcome, beginnings, best_threshold, outcome
from benchmarks.detection.streams import Stream, of_nab, published, thresholds
from streamwatchd.training.train import FITS

Numbers = npt.NDArray[np.float64]
PUBLISHED = ("numenta", "ARTime", "numentaTM", "randomCutForest", "relativeEntropy", "bayesChangePt", "random")
HEAD = (
    "| detector | counted | NAB score | precision | recall | false alarms a day and stream | median delay |\n"
    "|---|---|---:|---:|---:|---:|---:|"
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--nab", type=Path, required=True, help="a checkout of https://github.com/numenta/NAB")
    parser.add_argument("--kinds", default=",".join(sorted(FITS)))
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    streams = list(of_nab(asked.nab))
    print(HEAD)
    for kind in filter(None, asked.kinds.split(",")):
        for row in ours(kind, streams, [run(kind, stream, asked.seed) for stream in streams]):
            print(row, flush=True)
    for row in theirs(asked.nab, streams):
        print(row, flush=True)


def ours(kind: str, streams: Sequence[Stream], raws: Sequence[Numbers]) -> Iterator[str]:
    """Two rows from raw scores: at the best single threshold, and at the score 0.95. An alarm counts once."""
    rare = [rarity(stream, raw) for stream, raw in zip(streams, raws, strict=True)]
    searched, fixed = (
        outcome(streams, [beginnings(each > cut) for each in rare]) for cut in (best_threshold(streams, rare), 0.0)
    )
    best = max(searched, fixed, key=lambda found: found.nab)
    yield told(kind, "alarms, best threshold", best)
    yield told(kind, "alarms, 0.95", fixed)


def theirs(folder: Path, streams: Sequence[Stream]) -> Iterator[str]:
    """Two rows for each published detector, at the threshold that NAB chose: every flagged row, and alarms as ours."""
    chosen = thresholds(folder)
    for name in PUBLISHED:
        odd = [published(folder, name, stream) >= chosen[name] for stream in streams]
        yield told(name, "every row", outcome(streams, odd))
        yield told(name, "alarms", outcome(streams, [beginnings(each) for each in odd]))


def told(name: str, counted: str, found: Outcome) -> str:
    """A row of the table."""
    return (
        f"| {name} | {counted} | {found.nab:.1f} | {found.precision:.2f} | {found.recall:.2f} "
        f"| {found.false_a_day:.3f} | {found.delay:.2f} |"
    )


if __name__ == "__main__":
    main()
