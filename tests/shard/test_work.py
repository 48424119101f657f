"""Time and rows by the names of rules."""

from __future__ import annotations

from itertools import count

from streamwatchd.ports.laps import Laps
from streamwatchd.ports.telemetry import Labels
from streamwatchd.shard.output import TaskId
from streamwatchd.shard.shard import Shard
from streamwatchd.shard.work import labels_of, measured
from tests.operators.bench import compiled
from tests.operators.test_score import RULES as ODD
from tests.shard.test_shard import PARTITIONS, batch

RULES = """\
  - {kpi: hosts, by: host, every: 10s, values: {n: count()}}
  - {alarm: many, by: host, every: 10s, when: 'count(over 10s) > 3'}
  - {alarm: more, by: host, every: 10s, when: 'count(over 10s) > 5'}
"""


def test_every_part_of_the_work_has_a_name() -> None:
    """Nodes of many rules of one shape are called by the first; decoding and the rest have their own kinds."""
    project = compiled(RULES)
    assert project.program is not None
    ticks = count()
    laps = Laps(lambda: float(next(ticks)))
    shard = Shard(project.program, project.loaded.tables, [TaskId(1, "m", 0)], PARTITIONS, 2, laps=laps)
    laps.start()
    shard.step(batch(0, (1, "a"), (2, "b"), (60, "a")), 2**61)
    found = {(name, dict(labels)["kind"], dict(labels)["rule"]): value for name, labels, value in shard.work()}
    assert found["node_rows_total", "decode", ""] == 3
    assert sum(value for (name, kind, _), value in found.items() if (name, kind) == ("node_rows_total", "panes")) == 3
    assert found["node_seconds_total", "kpi", "hosts"] > 0
    assert found["node_calls_total", "alarm", "many and 1 more"] > 0
    assert sum(value for (name, *_), value in found.items() if name == "node_seconds_total") == next(ticks) - 1


def test_a_node_that_is_gone_counts_among_the_others() -> None:
    """Counters never go back."""
    ticks = count()
    laps = Laps(lambda: float(next(ticks)))
    names: dict[str, Labels] = {}
    laps.lap("n1")
    laps.lap("n2@5")
    assert ("node_calls_total", (("kind", "others"), ("rule", ""), ("stage", "0")), 2.0) in list(measured(laps, names))


def test_an_anomaly_rule_has_its_name() -> None:
    """Scoring is work like any other."""
    project = compiled(ODD)
    assert project.program is not None
    kinds = [dict(labels) for labels in labels_of(project.program.plan).values()]
    assert [each["rule"] for each in kinds if each["kind"] == "anomaly"] == ["jump"]
