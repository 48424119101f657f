"""What a task has, before and after a change."""

from __future__ import annotations

import pytest

from streamwatchd.operators.asking import FOREVER
from streamwatchd.operators.wiring import Wiring
from tests.operators.bench import Bench
from tests.oracle.world import START_MS

HOT = "  - {alarm: hot, by: host, when: avg(x over 10s) > 50%}\n"
BUSY = "  - {kpi: busy, by: host, every: 10s, values: {n: count()}}\n"


def wiring(bench: Bench) -> Wiring:
    return next(iter(bench.driver.shards[0].tasks.values())).flow.wiring


def test_what_is_asked_for_again_goes_on() -> None:
    """The same node object, with all its state."""
    bench = Bench(HOT).at(1, host="a", x=90)
    before = dict(wiring(bench).wires)
    bench.change(HOT + BUSY)
    after = wiring(bench).wires
    assert all(after[name] is wire for name, wire in before.items())
    assert len(after) == 2


def test_what_is_gone_stays_until_it_has_judged_up_to_the_change() -> None:
    """Then it resolves its alarms and leaves."""
    bench = Bench(HOT + BUSY).series(range(5), host="a", x=90).change(BUSY)
    assert wiring(bench).is_changing
    bench.clock(40)
    assert not wiring(bench).is_changing
    assert len(wiring(bench).wires) == 1


@pytest.mark.parametrize("later", [BUSY, BUSY.replace("busy", "calm"), HOT + BUSY])
def test_the_order_of_judging_is_that_of_the_nodes_that_are_there(later: str) -> None:
    """Where one goes and another comes their number is what it was; at every instant, whatever was asked before."""
    bench = Bench(HOT).series(range(5), host="a", x=90)
    instants = [START_MS + second * 1_000 for second in range(0, 90, 5)]
    seen = set()
    for at, rules in ((10, later), (30, HOT), (50, later)):
        bench.series(range(at, at + 5), host="a", x=90).change(rules)
        for step in range(at + 6, at + 18, 4):
            made = wiring(bench)
            for instant in instants:
                places = {name: wire.place_at(instant) for name, wire in made.wires.items()}
                assert made.order_at(instant) == sorted(places, key=places.__getitem__)
            seen.add(frozenset(made.wires))
            bench.clock(step)
    assert len(seen) >= 3


def test_one_key_space_per_set_of_keys() -> None:
    """With the largest of the bounds that its readers set."""
    hot = HOT.replace("when:", "max_keys: 5, when:")
    bench = Bench(hot + BUSY.replace("every", "max_keys: 7, every"))
    (space,) = wiring(bench).spaces.values()
    assert space.bound == 7


def test_a_family_knows_who_feeds_it() -> None:
    """By the name that feeders say; another name is nobody's."""
    made = wiring(Bench(HOT))
    (name,) = made.families
    family = made.families[name]
    assert made.fed_by(name, 0, 0) is family
    assert made.fed_by("other", 0, 0) is None
    assert family.until_ms == FOREVER
