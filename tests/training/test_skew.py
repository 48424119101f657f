"""No skew between training and serving: what a model learned from is what the daemon gives it, score for score."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import pytest

from streamwatchd.batch import RawBatch
from streamwatchd.compiler import Compiled, program_of
from streamwatchd.repository import calibration
from streamwatchd.repository.store import ModelData
from streamwatchd.rules.ruleset import Kpi
from streamwatchd.shard.output import Sink
from streamwatchd.testing.driver import Driver
from streamwatchd.testing.playback import Playback
from streamwatchd.testing.vectors import anomaly_rule, features_of, width_ms
from streamwatchd.training.history import replay
from streamwatchd.training.spans import at_ms
from streamwatchd.training.train import Order, Trained, train
from streamwatchd.training.vectors import Seen, vectors_of
from tests.operators.bench import compiled
from tests.oracle.world import START_MS

FORMS = {
    "windows of its own, one longer than the step": """\
  - anomaly: odd
    by: host
    every: 20s
    model: mix
    values: {mean: avg(x over 1m), n: count()}
    features: [n, mean]
    when: score >= 0
""",
    "rows of a KPI that slides": """\
  - kpi: load
    by: host
    over: 1m
    every: 20s
    values: {mean: avg(x), n: count()}
  - {anomaly: odd, source: load, model: mix, features: [n, mean], when: score >= 0}
""",
    "rows of two KPIs, joined, one missing now and then": """\
  - {kpi: load, by: host, every: 20s, values: {mean: avg(x)}}
  - {kpi: high, by: host, every: 20s, where: x > 65, values: {n: count()}}
  - {anomaly: odd, source: [load, high], by: host, model: mix, features: [n, mean], when: score >= 0}
""",
    "keys that cross partitions": """\
  - anomaly: odd
    by: site
    every: 20s
    model: mix
    values: {mean: avg(x), n: count()}
    features: [n, mean]
    when: score >= 0
""",
}
PARTITIONS = 3


def records(seconds: int) -> list[list[tuple[int, bytes]]]:
    """Per partition (ms, payload): hosts live in one partition each, sites in all; nothing is late."""
    rng = np.random.default_rng(7)
    found: list[list[tuple[int, bytes]]] = [[] for _ in range(PARTITIONS)]
    sites = ("north", "south", "west", "east")
    for second in range(0, seconds, 3):
        for host in range(6):
            if rng.random() < 0.8:
                at = START_MS + 1000 * second + int(rng.integers(0, 900))
                x, site = f"{50 + 10 * host + rng.normal(0, 3):.2f}", sites[int(rng.integers(0, 4))]
                row = f'{{"ts":{at},"host":"h{host}","site":"{site}","x":{x}}}'
                found[host % PARTITIONS].append((at, row.encode()))
    return found


def batches(lines: list[list[tuple[int, bytes]]], size: int) -> Iterator[RawBatch]:
    """In turns over the partitions, so many records at a time."""
    for begin in range(0, max(map(len, lines)), size):
        for partition, rows in enumerate(lines):
            some = rows[begin : begin + size]
            if some:
                times, payloads = [at for at, _ in some], [payload for _, payload in some]
                yield RawBatch("m", partition, payloads, range(begin, begin + len(some)), times)


def learned(project: Compiled, lines: list[list[tuple[int, bytes]]]) -> Seen:
    assert project.program is not None
    driver = Driver(project.program, project.loaded.tables, {"m": PARTITIONS, "other": 1})
    return vectors_of(batches(lines, 500), driver, Playback(driver), "odd", lambda events: None)


def served(project: Compiled, trained: Trained, lines: list[list[tuple[int, bytes]]]) -> dict[object, list[float]]:
    """(window end, key) → the features and the score of each anomaly event, from three shards and small batches."""
    rules = replace(
        project.loaded.ruleset, models={"odd": ModelData(trained.manifest, trained.arrays, f"skew {trained.manifest}")}
    )
    driver = Driver(
        program_of(rules), project.loaded.tables, {"m": PARTITIONS, "other": 1}, shards=3, exchange_partitions=2
    )
    playback = Playback(driver)
    for batch in batches(lines, 5):
        playback.add(batch)
    playback.end()
    found: dict[object, list[float]] = {}
    for output in driver.take_outputs():
        if output.sink is Sink.ANOMALIES:
            event = output.value
            assert isinstance(event, dict)
            assert list(event["drivers"]) == ["n", "mean"]
            place = at_ms(event["window"]["end"]), tuple(event["key"].values())
            assert place not in found
            found[place] = [*(float(event["values"][name]) for name in event["features"]), round(event["score"], 12)]
    return found


@pytest.mark.parametrize(
    ("form", "kind"), [*((form, "seasonal") for form in FORMS), ("rows of a KPI that slides", "isolation_forest")]
)
def test_what_is_learned_from_is_what_is_scored(form: str, kind: str) -> None:
    """Vectors bit for bit, with other batches, three shards and the memory of keys; nowhere a row more or less."""
    project, lines = compiled(FORMS[form]), records(3_600)
    seen = learned(project, lines)
    rule = anomaly_rule(project.loaded.ruleset, "odd")
    assert rule.every_ms == 20_000
    given = {"trees": 5, "samples": 32} if kind == "isolation_forest" else {}
    order = Order("mix", 1, kind, features_of(rule), rule.every_ms, given=given)
    trained = train(order, seen.history, lambda share: None)
    history = seen.history
    scores = calibration.scores(trained.manifest.calibration, replay(trained.scorer, history).raw)
    wanted = {
        (int(history.ends_ms[row]), history.keys[history.key[row]]): [
            *history.vectors[row].tolist(),
            round(float(score), 12),
        ]
        for row, score in enumerate(scores)
        if np.isfinite(score)
    }
    assert len(wanted) > 100
    assert served(project, trained, lines) == wanted


@pytest.mark.parametrize(
    ("form", "width"),
    [
        ("windows of its own, one longer than the step", 60_000),
        ("rows of a KPI that slides", 60_000),
        ("rows of two KPIs, joined, one missing now and then", 20_000),
    ],
)
def test_a_row_looks_back_as_far_as_its_widest_window(form: str, width: int) -> None:
    """So that labels leave out every row that has seen what they name."""
    rules = compiled(FORMS[form]).loaded.ruleset
    assert width_ms(rules, anomaly_rule(rules, "odd")) == width
    assert all(width_ms(rules, rule) == rule.over_ms for rule in rules.rules if isinstance(rule, Kpi))
