"""Law 6 on timelines written by hand: the engine says what the oracle says, of a whole log and of single records."""

from __future__ import annotations

import random
from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

import pytest

from tests.laws.engine import against_oracle, compile_world
from tests.oracle.flapping_timelines import FLAPPINGS
from tests.oracle.random_rules import World
from tests.oracle.session_timelines import SESSIONS
from tests.oracle.step_timelines import STEPS
from tests.oracle.storm_timelines import STORMS
from tests.oracle.timelines import CASES
from tests.oracle.world import Case, parse_log

T = TypeVar("T")


class Singly(random.Random):
    """Cuts a log into single records, of a partition that it draws."""

    def choice(self, seq: Sequence[T]) -> T:
        return seq[0]


@pytest.mark.parametrize("case", [*CASES, *STEPS, *STORMS, *FLAPPINGS, *SESSIONS], ids=lambda case: case.name)
def test_the_engine_gives_what_the_oracle_says(case: Case, tmp_path: Path) -> None:
    """Whatever the cut of the log: all of a partition at once, pieces in some order, or single records."""
    logs = parse_log(case.log)
    partitions = {topic: case.partitions.get(topic, 1) for topic, _ in logs}
    world = World(case.sources, {"rules": case.rules}, dict(case.tables), partitions, {}, logs)
    compiled = compile_world(world, tmp_path)
    assert compiled.program is not None
    for source in compiled.program.plan.sources.values():
        partitions.setdefault(source.topic, case.partitions.get(source.topic, 1))
    assert not against_oracle(compiled, world, None)
    assert not against_oracle(compiled, world, random.Random(1))
    assert not against_oracle(compiled, world, Singly(1))
