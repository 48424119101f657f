"""Twenty kills of the daemon on a real Kafka: every test run pays for so many; `make crashloop` goes on from there."""

from __future__ import annotations

import copy
from pathlib import Path

import pytest

from tests.crashloop import ledger
from tests.crashloop.loop import Result, Run, Shape
from tests.ledger import Ledger

SEED = 5


@pytest.mark.kafka
def test_killed_twenty_times_nothing_is_lost_or_doubled(kafka: str, tmp_path: Path) -> None:
    """Outputs, timers and levels are those of a daemon that nobody killed; and the comparison sees a loss, a doubling
    and a late answer when there is one."""
    run = Run(kafka, tmp_path, SEED, Shape(cycles=2, kills=10, shards=2, rules=4))
    result = run.run()
    assert not result.faults, result.faults[:20]
    assert result.kills >= 20
    assert result.outputs > 500
    assert result.switches > 0

    outputs = run.outputs()
    assert {row["anomaly"] for row in outputs["anomalies"]} >= {"odd_host", "off_season", "off_forecast", "shifted"}
    for spoil in (
        lambda said: said["alerts"].pop(len(said["alerts"]) // 2),
        lambda said: said["kpis"].append(said["kpis"][0]),
        lambda said: said["anomalies"].pop(len(said["anomalies"]) // 2),
        lambda said: said["anomalies"][0].update(score=0.5),
        lambda said: said["late"].pop(),
        lambda said: said["alerts"][0].update(at="2026-01-05T00:00:01.000Z"),
    ):
        said = copy.deepcopy(outputs)
        spoil(said)
        assert run.differences(said), spoil
    assert not run.differences(outputs)


def test_the_ledger_counts_runs_by_engine(tmp_path: Path) -> None:
    """What was written is read again, and summed up as the page has it."""
    runs = Ledger(tmp_path / "build" / "ledger.ndjson", ledger.Line)
    for seed in (1, 2, 5):
        result = Result(kills=40, killed=90, points=["epoch.sent"], switches=8, records=1_000, outputs=600)
        result.calls["write of a worker"] = 2
        runs.write(ledger.line_of(seed, result))
    lines = runs.read()
    assert [line.seed for line in lines] == [1, 2, 5]
    assert "| 1–2, 5 | 120 | 270 | 1 | 6 | 24 | 3,000 | 1,800 | 0 |" in ledger.table(lines)
