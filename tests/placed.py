"""Rules under which the keys of topics lie in other partitions than before."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from streamwatchd.compiler import Compiled


def placed_in(compiled: Compiled, placed: Mapping[str, int]) -> Compiled:
    """The same, `placed` as in `LogicalPlan`."""
    assert compiled.program is not None
    plan = replace(compiled.program.plan, placed=dict(placed))
    return replace(compiled, program=replace(compiled.program, plan=plan))


def moved_about(versions: Sequence[Compiled], topics: Iterable[str], rng: random.Random) -> list[Compiled]:
    """At every third change or so the keys of a topic come to lie elsewhere; they stay there at the next."""
    found, placed = [versions[0]], dict.fromkeys(topics, 0)
    for version in versions[1:]:
        if rng.random() < 0.35:
            placed[rng.choice(sorted(placed))] += 1
        found.append(placed_in(version, {topic: count for topic, count in placed.items() if count}))
    return found
