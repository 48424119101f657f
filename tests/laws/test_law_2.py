"""Law 2: the partitions may sit on 1, 2 or 5 shards."""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tests.laws.engine import compile_world, equal, run_driver, run_shards
from tests.laws.examples import EXAMPLES
from tests.oracle.random_rules import World, worlds


@EXAMPLES
@given(world=worlds(rules=3, records=40), seed=st.integers(0, 2**32 - 1))
def test_shards_change_nothing(world: World, seed: int) -> None:
    """1, 2 and 5 shards that exchange records at their own pace say what one thread says, ids included."""
    with tempfile.TemporaryDirectory() as folder:
        compiled = compile_world(world, Path(folder))
        alone = run_driver(compiled, world)
        for shards in (1, 2, 5):
            assert not equal(alone, run_shards(compiled, world, shards, seed + shards))
