"""Twin of benchmarks/recovery: its rules check, and its report says what happened."""

from __future__ import annotations

from pathlib import Path

from benchmarks.latency.traffic import Offered
from benchmarks.recovery import run
from benchmarks.recovery.run import Story, by_shard, told
from streamwatchd.compiler import compile_project


def test_its_rules_check() -> None:
    """All three, as the daemon would have them."""
    compiled = compile_project(Path(run.__file__).parent / "project" / "streamwatchd.yaml")
    assert compiled.program is not None
    assert not compiled.loaded.diagnostics


def test_alerts_are_told_apart_by_the_shard_of_their_host() -> None:
    """Each in one shard; one that never came took for ever."""
    pool = [(f"srv-{n:05d}", "") for n in range(1_000)]
    offered = Offered(measured_from=0.0, sent={n: float(n) for n in range(10)})
    found = by_shard(offered, {n: n + 0.02 for n in range(9)}, pool, "requests")
    every = [each for latencies in found.values() for each in latencies]
    assert len(found) == 2
    assert all(found.values())
    assert sorted(sent for sent, _ in every) == [float(n) for n in range(10)]
    assert [ms for sent, ms in every if sent == 9] == [float("inf")]


def test_the_report_counts_from_the_kill() -> None:
    """To the killed shard's next epoch, and to the first alert that is quick again."""
    story = Story(killed=100.0, epochs=[(0, 99.9), (1, 100.5), (0, 102.0), (0, 102.1)])
    story.latencies = {0: [(90.0, 20.0), (100.5, 1500.0), (102.5, 30.0)], 1: [(90.0, 20.0), (101.0, 25.0)]}
    rows = list(told(story, 10))
    assert "| SIGKILL to the worker's first new committed epoch | 2.00 s |" in rows
    assert "| SIGKILL to an event whose alert takes less than 250 ms again | 2.50 s |" in rows
    assert "| the other worker, 10 s from the kill on | 25 | 25 | 25 |" in rows
