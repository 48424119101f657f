"""Where keys lie, as a part of a plan."""

from __future__ import annotations

from dataclasses import replace

from streamwatchd.daemon.places import Places
from streamwatchd.operators.stage_spec import LogicalPlan
from tests.operators.bench import compiled

RULES = """\
  - {alarm: quiet, by: host, when: max(x over 10s) > 1000%, no_data: alert after 20s}
  - {alarm: mute, by: host, when: x > 1000%, no_data: alert after 20s}
  - {alarm: site, by: site, when: max(x over 10s) > 1000%, no_data: alert after 20s}
"""


def plan(rules: str = RULES) -> LogicalPlan:
    program = compiled(rules).program
    assert program is not None
    return program.plan


def test_while_keys_settle_rules_judged_by_partition_tell_no_silence() -> None:
    """As if they said `no_data: keep`; those behind the exchange hear of a key wherever it speaks."""
    found = Places(settling=("m",)).put_into(plan())
    (window,), (row,) = found.first["m"].window_alarms, found.first["m"].row_alarms
    (kept,), (kept_row,) = (
        getattr(plan(RULES.replace("alert after 20s", "keep")).first["m"], part)
        for part in ("window_alarms", "row_alarms")
    )
    assert (window.silence, window.silence_action) == (kept.silence, kept.silence_action) == (None, "keep")
    assert (row.silence_ms, row.silence_action) == (kept_row.silence_ms, kept_row.silence_action) == (0, "keep")
    assert found.later == plan().later
    assert Places(settling=("other",)).put_into(plan()) == plan()


def test_only_topics_that_are_read_count() -> None:
    """In order."""
    places = Places({"b": 2, "a": 3, "x": 4}, ("x", "b"))
    assert places.of({"a", "b"}) == Places({"a": 3, "b": 2}, ("b",))
    assert not places.of({"c"})
    assert places.of({"a"}).put_into(plan()) == replace(plan(), placed={"a": 3})
