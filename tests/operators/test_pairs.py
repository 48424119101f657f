"""Members × keys."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

from streamwatchd.operators.pairs import Pairs


def test_pairs_are_appended_as_keys_appear() -> None:
    """A key belongs to the members whose constants it begins with; the numbers of pairs never change."""
    members = [SimpleNamespace(constants=("a",)), SimpleNamespace(constants=("b",)), SimpleNamespace(constants=("a",))]
    pairs = Pairs(cast(Any, SimpleNamespace(members=members, lifted=1)))
    space = SimpleNamespace(keys=[("a", "x"), ("b", "x")])
    pairs.extend(cast(Any, SimpleNamespace(space=space)))
    assert list(zip(pairs.key.tolist(), pairs.member.tolist(), strict=True)) == [(0, 0), (0, 2), (1, 1)]
    space.keys.append(("a", "y"))
    pairs.extend(cast(Any, SimpleNamespace(space=space)))
    assert list(zip(pairs.key.tolist(), pairs.member.tolist(), strict=True))[3:] == [(2, 0), (2, 2)]
