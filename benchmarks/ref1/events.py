"""The events of the reference job: a seeded stream of requests on hosts, and the inventory of the hosts.

    python -m benchmarks.ref1.events DIRECTORY EVENTS

writes DIRECTORY/events-EVENTS.ndjson and DIRECTORY/hosts.csv. The random numbers are drawn in blocks that have seeds
of their own, so the first events of a large set are the small set.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import polars as pl

MINUTE_MS = 60_000
START_MS = 1_790_000_040_000  # a whole minute
MOST_OUT_OF_ORDER_MS = 4_900  # the job's max_delay is 5 s
BLOCK = 30_000
FAILING_SERVICE, FAILING_FROM_MINUTE, FAILING_TO_MINUTE = 17, 2, 5
SLOW_SERVICE = 7

REGIONS = tuple(f"region-{n}" for n in range(8))
ROLES = ("web", "db", "cache", "batch", "edge")
TIERS, TIER_SHARES = ("gold", "silver", "bronze"), (0.1, 0.3, 0.6)

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Shape:
    """The size of the world: `rate` is in events per second of event time, `hot` hosts run hot for 6 to 8 minutes."""

    hosts: int = 10_000
    services: int = 50
    rate: int = 5_000
    hot: int = 50


def hot_spells(shape: Shape) -> tuple[Ints, Ints]:
    """Per host, when its hot spell starts and ends (event time, ms); most have none. Half start in the first minute."""
    rng = np.random.default_rng(seed=11)
    begins = np.full(shape.hosts, np.iinfo(np.int64).max)
    ends = np.zeros(shape.hosts, np.int64)
    early = shape.hot // 2
    start = START_MS + rng.integers(0, [MINUTE_MS] * early + [10 * MINUTE_MS] * (shape.hot - early))
    chosen = rng.permutation(shape.hosts)[: shape.hot]
    begins[chosen] = start
    ends[chosen] = start + rng.integers(6 * MINUTE_MS, 8 * MINUTE_MS, shape.hot)
    return begins, ends


def times(rng: np.random.Generator, first: int, shape: Shape) -> Ints:
    """A steady clock less a random delay, never before the start."""
    steady = START_MS + np.arange(first, first + BLOCK) * 1000 // shape.rate
    time: Ints = np.maximum(steady - rng.integers(0, MOST_OUT_OF_ORDER_MS + 1, BLOCK), START_MS)
    return time


def percentages(rng: np.random.Generator, mean: float, deviation: float) -> Floats:
    return np.clip(rng.normal(mean, deviation, BLOCK), 0, 100).round(2)


def statuses(rng: np.random.Generator, time: Ints, service: Ints) -> Ints:
    """2 % errors (12 % for the failing service in its bad minutes), 10 % not found, the rest fine."""
    minute = (time - START_MS) // MINUTE_MS
    failing = (service == FAILING_SERVICE) & (minute >= FAILING_FROM_MINUTE) & (minute < FAILING_TO_MINUTE)
    error_share = np.where(failing, 0.12, 0.02)
    draw = rng.random(BLOCK)
    error = rng.choice([500, 500, 500, 503], BLOCK)
    chosen: Ints = np.select([draw < error_share, draw < error_share + 0.1], [error, 404], 200)
    return chosen


def block(number: int, shape: Shape, spells: tuple[Ints, Ints]) -> pl.DataFrame:
    rng = np.random.default_rng(seed=(5, number))
    host = rng.integers(0, shape.hosts, BLOCK)
    service = rng.integers(0, shape.services, BLOCK)
    time = times(rng, number * BLOCK, shape)
    is_hot = (time >= spells[0][host]) & (time < spells[1][host])
    latency = rng.gamma(2, 60, BLOCK) * np.where(service == SLOW_SERVICE, 2, 1)
    return pl.DataFrame(
        {
            "ts": time,
            "host": pl.Series(host_names(shape))[host],
            "service": pl.Series([f"svc-{n:02d}" for n in range(shape.services)])[service],
            "cpu": np.where(is_hot, percentages(rng, 92, 5), percentages(rng, 45, 20)),
            "mem": percentages(rng, 60, 15),
            "latency_ms": latency.round(3),
            "status": statuses(rng, time, service),
            "bytes": rng.integers(100, 50_000, BLOCK),
            "source": pl.repeat("app-logs", BLOCK, eager=True),
        }
    )


def blocks(events: int, shape: Shape = Shape()) -> Iterator[pl.DataFrame]:
    """The first `events` events, a data frame a block."""
    spells = hot_spells(shape)
    for first in range(0, events, BLOCK):
        yield block(first // BLOCK, shape, spells).head(events - first)


def host_names(shape: Shape) -> list[str]:
    return [f"srv-{n:05d}" for n in range(shape.hosts)]


def inventory(shape: Shape = Shape()) -> pl.DataFrame:
    """One row a host: host, region, role, sla_tier; no column follows from the host's number."""
    rng = np.random.default_rng(seed=3)
    return pl.DataFrame(
        {
            "host": host_names(shape),
            "region": rng.choice(REGIONS, shape.hosts),
            "role": rng.choice(ROLES, shape.hosts),
            "sla_tier": rng.choice(TIERS, shape.hosts, p=TIER_SHARES),
        }
    )


def write(directory: Path, events: int, shape: Shape = Shape()) -> Path:
    """Write events and hosts; returns the path of the events."""
    directory.mkdir(parents=True, exist_ok=True)
    inventory(shape).write_csv(directory / "hosts.csv")
    path = directory / f"events-{events}.ndjson"
    with path.open("wb") as file:
        for frame in blocks(events, shape):
            frame.write_ndjson(file)
    return path


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    arguments.add_argument("directory", type=Path)
    arguments.add_argument("events", type=int)
    given = arguments.parse_args()
    print(write(given.directory, given.events))


if __name__ == "__main__":
    main()
