"""Anomaly rules in the plan: their rows, the node that scores them, the alarm on scored rows."""

from __future__ import annotations

from streamwatchd.operators.stage_spec import LogicalPlan
from tests.operators.bench import compiled

KPI = "  - {kpi: load, by: BY, every: 10s, values: {mean: avg(x), n: count()}}\n"
ON_KPI = "  - {anomaly: odd, source: load, model: mix, features: [mean, n], when: score > 0.9}\n"
OWN = "  - {anomaly: own, by: site, model: mix, values: {high: max(x)}, features: [high], when: score > 0.9}\n"


def plan_of(rules: str) -> LogicalPlan:
    program = compiled(rules).program
    assert program is not None
    return program.plan


def test_rows_are_scored_where_they_are() -> None:
    """Of a KPI in its source's partitions, or behind the exchange, with the alarm beside it."""
    here = plan_of(KPI.replace("BY", "host") + ON_KPI).first["m"]
    (spec,) = here.scores
    assert (spec.name, spec.stream, spec.features) == ("odd", "load", ("mean", "n"))
    assert [alarm.stream for alarm in here.row_alarms] == ["odd"]
    (there,) = plan_of(KPI.replace("BY", "site") + ON_KPI).later
    assert [each.name for each in there.scores] == ["odd"]
    assert [alarm.stream for alarm in there.row_alarms] == ["odd"]


def test_rows_of_its_own_are_not_written() -> None:
    """They are those of a KPI that nobody can name."""
    (stage,) = plan_of(OWN).later
    (member,) = stage.kpis[0].members
    assert (member.name, member.written) == ("own rows", False)


def test_a_threshold_changes_nothing_about_what_rows_are() -> None:
    """So that what a model keeps of keys, and windows over scores, go on."""
    one, two = (plan_of(KPI.replace("BY", "host") + ON_KPI.replace("0.9", each)) for each in ("0.9", "0.5"))
    assert one.first["m"].scores[0].meaning == two.first["m"].scores[0].meaning
    assert one.first["m"].scores[0] != two.first["m"].scores[0]
