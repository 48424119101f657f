"""Rest for the garbage collector."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from streamwatchd.shard.collector import collect_rarely


@pytest.fixture(autouse=True)
def as_it_was() -> Iterator[None]:
    thresholds = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*thresholds)


def collections() -> int:
    return sum(int(generation["collections"]) for generation in gc.get_stats())


def test_records_that_come_and_go_are_not_looked_through() -> None:
    """Batches of 20,000 containers pass without one collection."""
    collect_rarely()
    before = collections()
    for _ in range(20):
        batch = [[number] for number in range(20_000)]
        del batch
    assert collections() == before


def test_what_stays_is_looked_through_in_time() -> None:
    """Cycles do not pile up without end."""
    collect_rarely()
    before = collections()
    for _ in range(500_000):
        cycle: list[object] = []
        cycle.append(cycle)
    assert collections() > before
