"""Law 5: an equal rule set is reloaded, or an unrelated rule comes, changes and goes: the others say what they said."""

from __future__ import annotations

import random
import tempfile
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from streamwatchd.compiler import Compiled
from streamwatchd.testing.driver import Driver
from tests.laws.engine import compile_world, cut, equal, feed
from tests.laws.examples import EXAMPLES
from tests.laws.neighbours import alone, declared, halves, only
from tests.oracle.compare import Plain, plain_outputs
from tests.oracle.random_rules import World, worlds


@EXAMPLES
@given(world=worlds(rules=5, records=40), seed=st.integers(0, 2**32 - 1))
def test_reloads_change_nothing_for_rules_that_stay_as_they_are(world: World, seed: int) -> None:
    """Whenever the switch comes, and whatever panes, keys and columns the other rules share or bring."""
    with tempfile.TemporaryDirectory() as folder:
        world = declared(world)
        steady = alone(world, seed)
        kept = compile_world(steady, Path(folder) / "kept")
        others = [compile_world(each, Path(folder) / str(i)) for i, each in enumerate([world, *halves(world, seed)])]
        undisturbed = run(kept, world, seed, [])
        disturbed = run(kept, world, seed, [kept, *others, kept])
        names = {rule.name for rule in kept.loaded.ruleset.rules}
        assert not equal(only(undisturbed, names), only(disturbed, names))


def run(kept: Compiled, world: World, seed: int, changes: list[Compiled]) -> dict[str, list[Plain]]:
    """The records in pieces; the changes come between pieces, each once, at instants above all events so far."""
    rng = random.Random(seed)
    assert kept.program is not None
    driver = Driver(kept.program, kept.loaded.tables, world.partitions, exchange_partitions=world.exchange_partitions)
    pieces = list(cut(world, rng))
    when = sorted(rng.randrange(1, len(pieces) + 1) for _ in range(5))
    for number, piece in enumerate(pieces):
        feed(driver, piece)
        while when and when[0] == number + 1:
            when.pop(0)
            if changes:
                change(driver, changes.pop(0))
    return plain_outputs(driver.outputs)


def change(driver: Driver, compiled: Compiled) -> None:
    assert compiled.program is not None
    driver.switch(compiled.program, compiled.loaded.tables)
