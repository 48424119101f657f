"""Law 6: the engine says what a slow, obvious evaluation of the same text says."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import given

from tests.laws.engine import against_oracle, compile_world
from tests.laws.minimise import law_6, world_of
from tests.oracle.random_rules import World, worlds


@given(world=worlds(rules=3, records=40))
def test_the_engine_equals_the_oracle(world: World) -> None:
    """Alerts, KPI rows, late events and dead letters of random rules over random records are the oracle's."""
    with tempfile.TemporaryDirectory() as folder:
        assert not against_oracle(compile_world(world, Path(folder)), world, random.Random(1))


@pytest.mark.parametrize(
    "seed",
    [
        pytest.param(5024, id="a field whose kind another expression tells"),
        pytest.param(5031, id="a key forgotten between two judgements on empty windows"),
        pytest.param(6050, id="a hold that ends between two judgements on empty windows"),
    ],
)
def test_worlds_that_once_differed(seed: int) -> None:
    """Found by campaigns; each stands for a bug that was."""
    assert law_6(world_of(seed)) == []
