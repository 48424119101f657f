"""Law 2 across changes of the number of shards, on a real Kafka: state moves whole, whatever is killed meanwhile."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.crashloop.loop import Run, Shape

SEED = 3


@pytest.mark.kafka
def test_two_shards_become_five_and_one_under_traffic_and_kills(kafka: str, tmp_path: Path) -> None:
    """Rules of every kind, local and behind the exchange, while rules come and go: the outputs, timers and levels are
    those of shards that nobody moved or killed."""
    strikes = {"moved": 8, "worker": 1, "everything": 1}
    run = Run(kafka, tmp_path, SEED, Shape(cycles=1, kills=10, shards=2, rules=0, strikes=strikes))
    result = run.run()
    assert not result.faults, result.faults[:20]
    assert result.moves >= 3
    assert result.outputs > 150
    assert result.blows["moved"] >= 3
