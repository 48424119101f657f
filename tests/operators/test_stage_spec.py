"""What tasks run, as a plan says it."""

from __future__ import annotations

import pickle

from streamwatchd.operators.stage_spec import LogicalPlan
from tests.operators.bench import compiled

RULES = """
  - {alarm: hot, by: host, when: avg(x over 10s) > 50%}
  - {alarm: red, by: host, when: x > 90%}
  - {kpi: visits, by: host, session: 30s, values: {n: count()}}
  - {kpi: places, by: site, every: 1m, values: {n: count()}}
  - {alarm: busy, source: places, by: site, when: n > 5}
"""


def plan_of(rules: str) -> LogicalPlan:
    program = compiled(rules).program
    assert program is not None
    return program.plan


def test_the_alarms_of_all_stages_have_names() -> None:
    """On windows, on events, and behind the exchange."""
    assert plan_of(RULES).alarm_names() == {"hot", "red", "busy"}


def test_the_families_of_sessions_are_known() -> None:
    """Those of other KPIs are not among them."""
    plan = plan_of(RULES)
    (visits,) = (kpi.family for kpi in plan.first["m"].kpis if kpi.session_ms)
    assert plan.sessions() == {visits}


def test_equal_parts_of_another_stage_are_shared_and_others_are_not() -> None:
    """As after a journey between processes; what differs stays one's own."""
    mine = plan_of(RULES).first["m"]
    theirs = pickle.loads(pickle.dumps(plan_of(RULES.replace("x > 90%", "x > 80%")).first["m"]))
    found = mine.sharing(theirs)
    assert found == mine
    assert found.window_alarms[0] is theirs.window_alarms[0]
    assert found.families[0] is theirs.families[0]
    assert found.row_alarms[0] is mine.row_alarms[0]
