"""How fast `dry-run` plays five minutes of traffic, beside plain reading and decoding of the same file.

    python -m benchmarks.dry_run.run [--rate N] [--rounds R] [--only NAME,…] [--work FOLDER]

The contestants take turns within a round, each in a process of its own whose start counts. Rates are by the wall
clock; "a core" is events by processor seconds of the whole process, whatever number of threads it has.
"""

from __future__ import annotations

import argparse
import json
import resource
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

from benchmarks.dry_run.traffic import ROOT, Played, prepare
from benchmarks.measure import Program

SWCTL = ["-c", "from streamwatchd.cli import main; main()"]
PLAIN = ["-m", "benchmarks.dry_run.plain"]


@dataclass(frozen=True, slots=True)
class Run:
    """`said` is the last line of what it printed, or what `dry-run` wrote, file by file."""

    name: str
    events: int
    wall_s: float
    cpu_s: float
    peak_rss_bytes: int
    said: str

    @property
    def rate(self) -> float:
        return self.events / self.wall_s

    @property
    def core_rate(self) -> float:
        return self.events / self.cpu_s


def commands(played: Played, out: Path) -> dict[str, list[str]]:
    recording, parquet, config = str(played.path), str(played.parquet), str(played.config)
    return {
        f"plain: read, msgspec to dicts ({played.name})": [*PLAIN, "dicts", recording],
        f"our reader and decoder alone ({played.name})": [*PLAIN, "frames", recording, config],
        f"`dry-run`, {played.name}": [*SWCTL, "dry-run", "--config", config, recording, "--out", str(out)],
        f"our reader and decoder alone, Parquet ({played.name})": [*PLAIN, "frames", parquet, config],
        f"`dry-run` of Parquet, {played.name}": [*SWCTL, "dry-run", "--config", config, parquet, "--out", str(out)],
    }


def run(name: str, command: Sequence[str], events: int, out: Path) -> Run:
    log = out.with_suffix(".log")
    environment = {"PYTHONPATH": str(ROOT), "POLARS_MAX_THREADS": "1"}
    before = _children_s()
    with Program([sys.executable, *command], log, environment) as program:
        while program.exit_code is None:
            time.sleep(0.01)
        wall = time.time() - program.started
        if program.exit_code:
            raise RuntimeError(f"{name} failed: {log.read_text(encoding='utf-8', errors='replace')[-2000:]}")
        cpu = _children_s() - before
        written = {file.name: sum(1 for _ in file.open("rb")) for file in sorted(out.glob("*.ndjson"))}
        said = json.dumps(written) if "dry-run" in command else log.read_text(encoding="utf-8").splitlines()[-1]
        return Run(name, events, wall, cpu, program.peak_rss_bytes, said)


def _children_s() -> float:
    """Processor time of all that has been waited for: exact for what runs alone."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def table(results: dict[str, list[Run]]) -> Iterator[str]:
    """A Markdown table of medians; ratios are to the first of the three contestants on the same file."""
    yield "| | events/s | events/s a core | CPU µs/event | rate ÷ plain | peak MiB |"
    yield "|---|" + "---:|" * 5
    base = 0.0
    for name, runs in results.items():
        rate = median(each.rate for each in runs)
        core = median(each.core_rate for each in runs)
        base = rate if name.startswith("plain") else base
        ratio = f"{rate / base:.2f}" if base else "–"
        spread = f"{min(r.rate for r in runs) / 1e3:,.0f}–{max(r.rate for r in runs) / 1e3:,.0f}"
        memory = median(each.peak_rss_bytes for each in runs) / 2**20
        yield (
            f"| {name} | {rate / 1e3:,.0f} k ({spread}) | {core / 1e3:,.0f} k | {1e6 / core:.2f} | {ratio} "
            f"| {memory:,.0f} |"
        )


def main(given: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.dry_run.run", description=(__doc__ or "").splitlines()[0]
    )
    parser.add_argument("--rate", type=int, default=50_000, help="events a second of event time, for five minutes")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--only", default="", help="parts of the names of contestants, comma-separated")
    parser.add_argument("--work", type=Path, default=ROOT / "build" / "bench" / "dry_run")
    options = parser.parse_args(given)
    wanted = options.only.split(",")
    results: dict[str, list[Run]] = {}
    recordings = prepare(options.work, options.rate)
    for number in range(options.rounds):
        for played in recordings:
            out = options.work / f"out-{played.path.stem}"
            for name, command in commands(played, out).items():
                if any(each in name for each in wanted):
                    done = run(name, command, played.events, out)
                    results.setdefault(name, []).append(done)
                    print(f"round {number + 1}: {done.rate:>9,.0f}/s  {name}  {done.said}", file=sys.stderr, flush=True)
    with (options.work / "runs.ndjson").open("a", encoding="utf-8") as file:
        file.writelines(json.dumps(asdict(each)) + "\n" for runs in results.values() for each in runs)
    print("\n".join(table(results)))
    return 0


if __name__ == "__main__":
    sys.exit(main())
