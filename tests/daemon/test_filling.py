"""Whether old records become fewer."""

from __future__ import annotations

from streamwatchd.daemon.filling import Filling


def test_it_goes_on_while_fewer_and_fewer_are_left() -> None:
    """Not where they stay, or become more, for a while; and not where none are left."""
    filling = Filling()
    assert not filling.goes_on(0.0)
    filling.note(900, 1.0)
    assert filling.goes_on(2.0)
    filling.note(500, 10.0)
    filling.note(700, 20.0)
    assert filling.goes_on(24.0)
    filling.note(700, 25.0)
    assert not filling.goes_on(25.0)
    filling.note(600, 26.0)
    assert filling.goes_on(26.0)
    filling.note(0, 27.0)
    assert not filling.goes_on(27.0)
