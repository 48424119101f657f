"""Names made of meaning."""

from __future__ import annotations

from streamwatchd.lang.typed import NUMBER, Field
from streamwatchd.plan.identity import identity


def test_equal_meaning_has_an_equal_name_in_every_process() -> None:
    """State is found by it after a restart: it must not depend on the process or the day."""
    assert identity("family", "m", (Field("x", NUMBER),), None) == "family:4810e4f2e7a60d8e"


def test_any_part_tells_apart() -> None:
    """Parts do not run together."""
    names = {identity("a", "b", "c"), identity("a", "bc", ""), identity("a", "", "bc"), identity("x", "b", "c")}
    assert len(names) == 4
