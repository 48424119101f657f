"""`swctl plan` over random edits of random rules: the alarms that it says resolve are those that the engine ends."""

from __future__ import annotations

import itertools
import random

from hypothesis import given
from hypothesis import strategies as st

from streamwatchd.testing.driver import Driver
from tests.laws.edits import histories
from tests.laws.engine import cut, feed
from tests.laws.examples import EXAMPLES
from tests.laws.neighbours import declared
from tests.oracle.compare import Plain, iso_ms, plain_outputs
from tests.oracle.random_rules import World, worlds
from tests.plan.test_change import between


@EXAMPLES
@given(world=worlds(rules=5, records=60), seed=st.integers(0, 2**32 - 1))
def test_the_alarms_that_it_says_resolve_are_those_that_do(world: World, seed: int) -> None:
    """After random edits of random rules: what is up of such a rule ends at E with that reason, and nothing else."""
    rng = random.Random(seed)
    world = declared(world)
    for old, new in itertools.pairwise(histories(world, rng, 4)):
        assert old.program is not None
        driver = Driver(old.program, old.loaded.tables, world.partitions, exchange_partitions=world.exchange_partitions)
        for piece in cut(world, rng):
            feed(driver, piece)
        assert new.program is not None
        at_ms = driver.switch(new.program, new.loaded.tables)
        driver.flush()
        said = {(each.was or each.name): each.reason for each in between(old, new).rules if each.alarms == "resolve"}
        hold_to(said, plain_outputs(driver.take_outputs())["alerts"], at_ms)


def hold_to(said: dict[str, str], alerts: list[Plain], at_ms: int) -> None:
    lives: dict[str, list[Plain]] = {}
    for alert in alerts:
        lives.setdefault(str(alert["id"]), []).append(alert)
    for life in lives.values():
        rule = str(life[0]["rule"])
        ended = {str(each["reason"]) for each in life if iso_ms(str(each["at"])) == at_ms and each["reason"]}
        assert ended & {"rule_removed", "rule_changed"} <= {said.get(rule, "")}, life
        if rule in said and iso_ms(str(life[0]["starts_at"])) < at_ms:
            last = max(life, key=lambda each: int(str(each["seq"])))
            occurrence = (
                len(life) == 1 and last["event"] == "fired" and (not last["key"] or rule.startswith("sequence"))
            )
            assert occurrence or (last["state"] == "resolved" and iso_ms(str(last["at"])) <= at_ms), life
