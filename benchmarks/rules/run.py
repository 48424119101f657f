"""What rules cost: per event, judging included, for 1 to 10,000 rules and for 1 to 80 windows on one field.

    python -m benchmarks.rules.run [--events N] [--rounds R] [--rules 1,10,…] [--windows 1,5,…] [--profile]

Each case runs in a process of its own, on one thread and without a broker, over the same traffic: 1,000 events a
second of event time on 2,000 hosts and 2,500 services, alarms judged every 10 s. A case's figure is its best round.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Any

Result = dict[str, Any]


def case(kind: str, count: int, events: int, profile: bool) -> Result:
    command = [sys.executable, "-m", "benchmarks.rules.case", kind, str(count), str(events)]
    done = subprocess.run(command + ["--profile"] * profile, check=True, stdout=subprocess.PIPE, text=True)
    head, _, rest = done.stdout.partition("\n")
    if rest.strip():
        print(rest)
    return dict(json.loads(head))


def best(kind: str, count: int, options: argparse.Namespace) -> Result:
    runs = [case(kind, count, options.events, options.profile) for _ in range(options.rounds)]
    return min(runs, key=lambda run: float(run["cpu_us"]))


def table(name: str, results: Sequence[Result]) -> Iterator[str]:
    yield f"| {name} | µs/event | to {results[0]['count']} | slowest ms | compile s | MiB | alerts | KPI rows |"
    yield "|---:|" + "---:|" * 7
    for row in results:
        ratio = row["cpu_us"] / results[0]["cpu_us"]
        cells = f"{row['cpu_us']:.2f} | {ratio:.2f} | {row['slowest_step_ms']:,.0f} | {row['compile_s']:.2f}"
        outputs = " | ".join(f"{row['outputs'].get(sink, 0):,}" for sink in ("alerts", "kpis"))
        yield f"| {row['count']:,} | {cells} | {row['state_mib']:,.0f} | {outputs} |"


def numbers(text: str) -> list[int]:
    return [int(each) for each in text.split(",") if each]


def main(given: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.rules.run", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--events", type=int, default=300_000)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--rules", type=numbers, default=[1, 10, 100, 1_000, 10_000])
    parser.add_argument("--windows", type=numbers, default=[1, 5, 20, 80])
    parser.add_argument("--profile", action="store_true", help="where the time goes, by room, for every case")
    options = parser.parse_args(given)
    for kind in ("rules", "windows"):
        counts = getattr(options, kind)
        if counts:
            print("\n".join(table(kind, [best(kind, count, options) for count in counts])) + "\n", flush=True)


if __name__ == "__main__":
    main()
