"""Faults strike once, at the n-th point or at the n-th of a name."""

from __future__ import annotations

import pytest

from streamwatchd.errors import Unavailable
from streamwatchd.ports.faults import Faults, Killed


def reached(faults: Faults, points: str) -> list[str]:
    """The points at which nothing struck."""
    passed = []
    for point in points:
        try:
            faults.reach(point)
            passed.append(point)
        except (Killed, Unavailable):
            passed.append("!")
    return passed


def test_the_nth_point_strikes_once() -> None:
    """Counted from when it was planned."""
    faults = Faults()
    assert reached(faults, "ab") == ["a", "b"]
    faults.at(2)
    assert reached(faults, "abab") == ["a", "!", "a", "b"]
    assert faults.trace == list("ababab")


def test_the_nth_of_a_name_strikes_once() -> None:
    """Other names don't count."""
    faults = Faults().at(2, lambda: Unavailable("b"), point="b")
    assert reached(faults, "abaabb") == ["a", "b", "a", "a", "!", "b"]


def test_a_fault_may_only_do_something() -> None:
    """Then the call goes on."""
    seen: list[str] = []
    faults = Faults().at(1, lambda: seen.append("here"))
    faults.reach("a")
    assert seen == ["here"]


def test_killed_passes_every_handler_of_exceptions() -> None:
    """A dead process runs no `except Exception`."""
    assert not issubclass(Killed, Exception)
    faults = Faults().at(1)
    with pytest.raises(Killed):
        faults.reach("a")


def test_plans_can_be_dropped() -> None:
    """Nothing strikes after clear."""
    faults = Faults().at(1).at(1, point="a")
    faults.clear()
    faults.reach("a")
