"""Law 6: the engine says what a slow, obvious evaluation of the same text says."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

from hypothesis import given

from tests.laws.engine import against_oracle, compile_world
from tests.oracle.random_rules import World, worlds


@given(world=worlds(rules=3, records=40))
def test_the_engine_equals_the_oracle(world: World) -> None:
    """Alerts, KPI rows, late events and dead letters of random rules over random records are the oracle's."""
    with tempfile.TemporaryDirectory() as folder:
        assert not against_oracle(compile_world(world, Path(folder)), world, random.Random(1))
