"""All answers of a rule set over complete logs."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from streamwatchd.batch import to_values
from streamwatchd.enrichment.table import TableData
from streamwatchd.lang.typed import Firing, walk
from streamwatchd.rules.ruleset import Alarm, Anomaly, Kpi, RuleSet
from tests.oracle.alarms import alarm_events
from tests.oracle.anomalies import alarm_on, scored
from tests.oracle.evaluate import Cell, Tables
from tests.oracle.kpis import derive
from tests.oracle.reading import LogItem, Logs, read_partition
from tests.oracle.streams import Project, Stream

Document = dict[str, object]


@dataclass(slots=True)
class Answers:
    """Times are ms. Alerts have no `id`; `place` is the topic, partition and offset that an at-once life began with."""

    alerts: list[Document] = field(default_factory=list)
    kpis: list[Document] = field(default_factory=list)
    anomalies: list[Document] = field(default_factory=list)
    late: list[Document] = field(default_factory=list)
    dead_letters: list[Document] = field(default_factory=list)


def answers(
    rules: RuleSet,
    tables: Mapping[str, TableData],
    partitions: Mapping[str, int],
    logs: Logs,
    horizon_ms: int | None = None,
) -> Answers:
    """`partitions` maps each topic to its partition count; a partition without a log is empty."""
    project = Project(rules.tables, plain_tables(tables), {}, calendars=rules.calendars, silences=rules.silences)
    found = Answers()
    for source in rules.sources.values():
        stream = Stream(source.name, {}, source.key, source.name, lies_by=(source.key,) if source.key else None)
        for partition in range(partitions[source.topic]):
            log: list[LogItem] = list(logs.get((source.topic, partition), ()))
            part = read_partition(source, partition, log, rules.tables, project.tables, horizon_ms)
            stream.partitions[source.topic, partition] = part
            found.late += part.late
            found.dead_letters += part.dead
        project.streams[source.name] = stream
    for each in _readers_last(rules):
        if isinstance(each, Kpi):
            project.streams[each.name], rows = derive(each, project)
            found.kpis += rows
        else:
            project.streams[each.name], rows = scored(each, rules.models.get(each.name), project)
            found.anomalies += rows
    for rule in _asked_first([alarm_on(rule) if isinstance(rule, Anomaly) else rule for rule in rules.rules]):
        events = alarm_events(rule, project)
        project.alarms[rule.name] = [] if rule.shadow else events
        found.alerts += events
    found.alerts += project.flapping
    return _with_shadows(found, {rule.name for rule in rules.rules if rule.shadow})


def _with_shadows(found: Answers, shadows: Collection[str]) -> Answers:
    """Those of rules in shadow are marked: they are the same, and go elsewhere."""
    for name, documents in (("rule", found.alerts), ("kpi", found.kpis), ("anomaly", found.anomalies)):
        for document in documents:
            if document[name] in shadows:
                document["shadow"] = True
    return found


def _readers_last(rules: RuleSet) -> list[Kpi | Anomaly]:
    """KPIs and anomaly rules so ordered that each comes after those it reads."""
    waiting = [rule for rule in rules.rules if isinstance(rule, Kpi | Anomaly)]
    ready, found = set(rules.sources), []
    while waiting:
        kpi = next(kpi for kpi in waiting if ready.issuperset(kpi.sources))
        waiting.remove(kpi)
        ready.add(kpi.name)
        found.append(kpi)
    return found


def _asked_first(rules: Sequence[Kpi | Alarm]) -> list[Alarm]:
    """Alarms so ordered that each comes after those whose state it asks for."""
    waiting = [rule for rule in rules if isinstance(rule, Alarm)]
    found: list[Alarm] = []
    while waiting:
        names = {rule.name for rule in waiting}
        for rule in waiting:
            asks = () if rule.unless is None else walk(rule.unless)
            if not any(isinstance(node, Firing) and node.rule in names for node in asks):
                found.append(rule)
                waiting.remove(rule)
                break
    return found


def plain_tables(tables: Mapping[str, TableData]) -> Tables:
    plain: dict[str, dict[str, dict[str, Cell]]] = {}
    for name, data in tables.items():
        columns = {column: to_values(cells) for column, cells in data.columns.items()}
        plain[name] = {key: {c: cells[row] for c, cells in columns.items()} for key, row in data.rows.items()}
    return Tables(plain)
