"""Laws 1, 2, 3 and 6 where a third of the events come late and every rule says `late: amend`."""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from tests.laws.engine import compile_world, equal, oracle_says, run_driver, run_shards
from tests.laws.late_worlds import late_world
from tests.laws.test_law_5_edits import run
from tests.oracle.compare import as_oracle, differences

LARGEST = 1_000.0
SEEDS = range(14)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_is_amended_is_what_the_oracle_says(seed: int) -> None:
    """Revisions of rows and events of alarms, in whatever batches, on however many shards, whatever is restarted."""
    world = late_world(seed)
    with tempfile.TemporaryDirectory() as folder:
        compiled = compile_world(world, Path(folder))
        whole = run_driver(compiled, world)
        assert not differences(oracle_says(compiled, world), as_oracle(whole), LARGEST)
        assert not equal(whole, run_shards(compiled, world, 5, seed))
        assert not equal(whole, run(world, [compiled], seed, shaken=True))


@pytest.mark.parametrize("seed", [101, 103, 104, 106, 111, 113, 115])
def test_what_is_paused_is_amended_after_it(seed: int) -> None:
    """As far as it had been judged."""
    world = late_world(seed, rules=6, paused=1)
    with tempfile.TemporaryDirectory() as folder:
        compiled = compile_world(world, Path(folder))
        whole = run_driver(compiled, world)
        assert not differences(oracle_says(compiled, world), as_oracle(whole), LARGEST)
        assert not equal(whole, run(world, [compiled], seed, shaken=True))


def test_these_worlds_do_amend() -> None:
    """Rows with several revisions, alarms at rest and alarms that fire: without them the test above shows nothing."""
    seen: set[object] = set()
    for seed in SEEDS:
        world = late_world(seed)
        with tempfile.TemporaryDirectory() as folder:
            found = run_driver(compile_world(world, Path(folder)), world)
        seen |= {row["revision"] for row in found["kpis"]}
        seen |= {(alert["reason"], alert["state"]) for alert in found["alerts"] if alert["event"] == "amended"}
    assert {1, 2, 3, ("would_fire", "resolved"), ("would_fire", "firing"), ("would_not_fire", "firing")} <= seen
