"""Effects lie in time: they can be asked where, and moved."""

from __future__ import annotations

import pytest

from streamwatchd.demo.effects import Crowd, Curve, Effect, Events, Thin, meets, moved, reach

POINTS = ((60.0, 1.0), (120.0, 2.0))
EFFECTS = (
    Curve("api", {}, "latency", POINTS),
    Crowd("api", {}, POINTS),
    Thin("api", {}, 60, 120),
    Events("d", "d:ge0", ((60.0, "link_flap"), (120.0, "link_down"))),
)


@pytest.mark.parametrize("effect", EFFECTS, ids=lambda effect: type(effect).__name__)
def test_an_effect_knows_where_it_is_and_can_be_moved(effect: Effect) -> None:
    """Seconds of all its points move alike, and nothing else does."""
    assert reach(effect) == (60, 120)
    assert (meets(effect, 0, 60), meets(effect, 0, 61), meets(effect, 120, 200)) == (False, True, False)
    there = moved(effect, 30)
    assert reach(there) == (90, 150)
    assert moved(there, -30) == effect
