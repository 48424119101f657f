"""How long and on how many rows each node of a plan worked, by the names that people know it by."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from streamwatchd.operators.spec import KpiSpec, Member, WindowAlarmSpec
from streamwatchd.operators.stage_spec import LogicalPlan, StageSpec
from streamwatchd.ports.laps import DECODE, SCHEDULE, SEND, Laps
from streamwatchd.ports.telemetry import Labels


def labels_of(plan: LogicalPlan) -> dict[str, Labels]:
    """Node and family ids → labels. A node of many rules of one shape is called by the first of them."""
    found: dict[str, Labels] = {}
    for stage in (*plan.first.values(), *plan.later):
        for name, (kind, rule) in _named(stage):
            found[name] = node_labels(kind, rule, stage.stage)
    return found


def _named(stage: StageSpec) -> Iterator[tuple[str, tuple[str, str]]]:
    readers: dict[str, str] = {}
    for kpi in stage.kpis:
        rule = _of_many([member.name for member in kpi.members])
        readers.setdefault(kpi.family, rule)
        yield kpi.id, ("kpi", rule)
    for alarm in stage.window_alarms:
        rule = _of_many([member.name for member in alarm.members])
        readers.setdefault(alarm.family, rule)
        yield alarm.id, ("alarm", rule)
    for row_alarm in stage.row_alarms:
        yield row_alarm.id, ("alarm", _of_many([member.name for member in row_alarm.members]))
    for score in stage.scores:
        yield score.id, ("anomaly", score.name)
    for join in stage.joins:
        yield join.id, ("join", join.name)
    for family in (*stage.families, *stage.sends):
        yield family.id, ("panes", readers.get(family.id, ""))


@dataclass(frozen=True, slots=True)
class Voice:
    """See `operators.document.Speaker`."""

    name: str
    digest: str
    labels: Mapping[str, str]
    runbook: str


def speakers(plan: LogicalPlan) -> dict[str, Voice]:
    """Family ids, and ids of alarms on rows → of the rules that read them the first by name; rules in shadow tell
    nobody."""
    found: dict[str, Voice] = {}
    for stage in (*plan.first.values(), *plan.later):
        for kpi in stage.kpis:
            mine = [
                Voice(member.name, member.meaning, member.labels, "") for member in kpi.members if not member.shadow
            ]
            _speak(found, mine, [kpi.family, *(reading.family for reading in kpi.readings)])
        for alarm in stage.window_alarms:
            families = [alarm.family, *(reading.family for reading in alarm.readings)]
            _speak(found, _voices(alarm.members), families)
        for row_alarm in stage.row_alarms:
            _speak(found, _voices(row_alarm.members), [row_alarm.id])
    return found


def readers(plan: LogicalPlan) -> dict[str, str]:
    """Ids of panes, of nodes that read rows, and of rows that travel → the rule that reads them; of many rules the
    first by name, and how many more."""
    found: dict[str, set[str]] = {}
    for stage in reversed((*plan.first.values(), *plan.later)):
        windowed: list[KpiSpec | WindowAlarmSpec] = [*stage.kpis, *stage.window_alarms]
        for node in windowed:
            for each in (node.family, *(reading.family for reading in node.readings)):
                found.setdefault(each, set()).update(member.name for member in node.members)
        for alarm in stage.row_alarms:
            for each in (alarm.id, alarm.stream):
                found.setdefault(each, set()).update(member.name for member in alarm.members)
        for score in stage.scores:
            for each in (score.id, score.stream):
                found.setdefault(each, set()).add(score.name)
        for family in stage.families:
            found.setdefault(family.stream, set()).update(found.get(family.id, set()))
    return {each: _of_many(sorted(names)) for each, names in found.items()}


def _voices(members: Sequence[Member]) -> list[Voice]:
    return [Voice(member.name, member.digest, member.labels, member.runbook) for member in members if not member.shadow]


def _speak(found: dict[str, Voice], voices: list[Voice], ids: Sequence[str]) -> None:
    if not voices:
        return
    first = min(voices, key=lambda voice: voice.name)
    for each in ids:
        if each not in found or first.name < found[each].name:
            found[each] = first


def _of_many(names: list[str]) -> str:
    return names[0] + (f" and {len(names) - 1} more" if len(names) > 1 else "")


def node_labels(kind: str, rule: str, stage: int) -> Labels:
    """Those of metrics of one node."""
    return (("kind", kind), ("rule", rule), ("stage", str(stage)))


def measured(laps: Laps, names: dict[str, Labels]) -> Iterator[tuple[str, Labels, float]]:
    """Counters. A node that is gone, or ends after a change, counts among `others` of its kind."""
    totals: dict[tuple[str, Labels], float] = {}
    for what, seconds in laps.seconds.items():
        its = names.get(what) or node_labels(what if what in (DECODE, SCHEDULE, SEND) else "others", "", 0)
        calls, rows = float(laps.calls[what]), float(laps.rows[what])
        for name, value in (("node_seconds_total", seconds), ("node_calls_total", calls), ("node_rows_total", rows)):
            totals[name, its] = totals.get((name, its), 0) + value
    for (name, its), value in totals.items():
        yield name, its, value
