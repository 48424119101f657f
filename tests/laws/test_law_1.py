"""Law 1: the same records cut into other batches give equal outputs."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from tests.laws.engine import compile_world, equal, run_driver
from tests.laws.examples import EXAMPLES
from tests.oracle.random_rules import World, worlds


@EXAMPLES
@given(world=worlds(rules=3, records=40), cuts=st.integers(0, 2**32 - 1))
def test_other_batches_give_equal_outputs(world: World, cuts: int) -> None:
    """Whole partitions at once, single records, and anything between say the same, ids and order of a life included."""
    with tempfile.TemporaryDirectory() as folder:
        compiled = compile_world(world, Path(folder))
        whole = run_driver(compiled, world)
        assert not equal(whole, run_driver(compiled, world, random.Random(cuts)))
