"""Law 6: the engine says what a slow, obvious evaluation of the same text says."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

import pytest
from hypothesis import given

from tests.laws.engine import against_oracle, compile_world
from tests.laws.examples import EXAMPLES
from tests.laws.minimise import law_6, world_of
from tests.oracle.random_rules import World, worlds


@EXAMPLES
@given(world=worlds(rules=3, records=40))
def test_the_engine_equals_the_oracle(world: World) -> None:
    """Alerts, KPI rows, late events and dead letters of random rules over random records are the oracle's."""
    with tempfile.TemporaryDirectory() as folder:
        assert not against_oracle(compile_world(world, Path(folder)), world, random.Random(1))


@pytest.mark.parametrize(
    ("seed", "records"),
    [
        pytest.param(5024, 60, id="a field whose kind another expression tells"),
        pytest.param(5031, 60, id="a key forgotten between two judgements on empty windows"),
        pytest.param(6050, 60, id="a hold that ends between two judgements on empty windows"),
        pytest.param(50257, 40, id="a model that scores rows of sessions behind the exchange once they are known"),
        pytest.param(50394, 40, id="windows over rows of sessions behind the exchange that end where these are known"),
        pytest.param(50815, 40, id="a reminder while what may mute it is not judged again for long"),
    ],
)
def test_worlds_that_once_differed(seed: int, records: int) -> None:
    """Found by campaigns; each stands for a bug that was."""
    assert law_6(world_of(seed, records=records)) == []
