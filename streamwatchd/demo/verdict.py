"""What the daemon said, held against the script: found, missed, or cried out for nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from streamwatchd.demo.incidents import Above, Incident

Document = Mapping[str, Any]
BEGINS = ("fired", "no_data")
SEVERITIES = ("info", "warning", "minor", "major", "critical")
AFTERWARDS_MS = 600_000
"""How long after an incident its alarm may still go through its levels."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One entry of the script. `after_ms` is from its start to the alarm, or to the end of the KPI's window."""

    incident: Incident
    good: bool
    said: str
    after_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Verdict:
    """`strays` are alarms that the script knows nothing of."""

    findings: tuple[Finding, ...]
    strays: tuple[Document, ...]

    @property
    def good(self) -> bool:
        return not self.strays and all(finding.good for finding in self.findings)


def judge(
    incidents: Iterable[Incident],
    rules: frozenset[str],
    start_ms: int,
    alerts: Sequence[Document],
    kpis: Sequence[Document],
) -> Verdict:
    """Entries for rules that are not in force are left out. `alerts` and `kpis` are the documents of the topics."""
    script = [incident for incident in incidents if incident.rule in rules]
    findings = tuple(_finding(incident, start_ms, alerts, kpis) for incident in script)
    return Verdict(findings, tuple(_strays(script, start_ms, alerts)))


def at_ms(text: str) -> int:
    """Milliseconds since 1970 of an ISO-8601 time with zone."""
    return round(datetime.fromisoformat(text).timestamp() * 1000)


def _finding(incident: Incident, start_ms: int, alerts: Sequence[Document], kpis: Sequence[Document]) -> Finding:
    match incident.outcome, incident.shows:
        case "alarm", _:
            return _alarmed(incident, start_ms, _of(incident, alerts))
        case "quiet", _:
            return _quiet(incident, start_ms, _of(incident, alerts))
        case "kpi", Above() as shows:
            return _shown(incident, shows, start_ms, kpis)
        case _:
            raise ValueError(f"incident without what it shows: {incident.name}")


def _of(incident: Incident, alerts: Iterable[Document]) -> list[Document]:
    return [alert for alert in alerts if alert["rule"] == incident.rule and alert["key"] == incident.key]


def _alarmed(incident: Incident, start_ms: int, alerts: list[Document]) -> Finding:
    first, last = _span(incident, start_ms)
    begun = [at_ms(alert["at"]) for alert in alerts if alert["event"] == incident.event]
    begun = [at for at in begun if first <= at <= last]
    if not begun:
        return Finding(incident, False, "MISSED")
    seen = {alert["severity"] for alert in alerts if first <= at_ms(alert["at"]) <= last + AFTERWARDS_MS}
    if missing := set(incident.severities) - seen:
        return Finding(incident, False, f"never {', '.join(sorted(missing))}", min(begun) - first)
    levels = sorted(incident.severities or [str(alerts[0]["severity"])], key=SEVERITIES.index)
    said = ", then ".join(levels)
    return Finding(incident, True, f"no data ({said})" if incident.event == "no_data" else said, min(begun) - first)


def _quiet(incident: Incident, start_ms: int, alerts: list[Document]) -> Finding:
    first, last = _span(incident, start_ms)
    cried = [at for at in _beginnings(alerts) if first <= at <= last]
    return Finding(incident, not cried, "FALSE ALARM" if cried else "quiet", min(cried) - first if cried else None)


def _shown(incident: Incident, shows: Above, start_ms: int, kpis: Iterable[Document]) -> Finding:
    first, last = _span(incident, start_ms)
    rows = [row for row in kpis if row["kpi"] == incident.rule and row["key"] == incident.key]
    ends = {at_ms(row["window"]["end"]): row["values"][shows.value] for row in rows}
    beyond = {end: value for end, value in ends.items() if first < end <= last and _is_beyond(shows, value)}
    if not beyond:
        return Finding(incident, False, "NOT SHOWN")
    value = (min if shows.below else max)(beyond.values())
    return Finding(incident, True, f"{shows.value} {value:.3g}", min(beyond) - first)


def _is_beyond(shows: Above, value: float | None) -> bool:
    if value is None:
        return False
    return value < shows.bound if shows.below else value > shows.bound


def _span(incident: Incident, start_ms: int) -> tuple[int, int]:
    return start_ms + round(1000 * incident.start), start_ms + round(1000 * (incident.end + incident.grace))


def _beginnings(alerts: Iterable[Document]) -> Iterator[int]:
    return (at_ms(alert["at"]) for alert in alerts if alert["event"] in BEGINS)


def _strays(script: Sequence[Incident], start_ms: int, alerts: Iterable[Document]) -> Iterator[Document]:
    for alert in alerts:
        if alert["event"] in BEGINS and not any(_explains(incident, start_ms, alert) for incident in script):
            yield alert


def _explains(incident: Incident, start_ms: int, alert: Document) -> bool:
    """Near misses too: their false alarms are findings of their own."""
    first, last = _span(incident, start_ms)
    return incident.rule == alert["rule"] and incident.key == alert["key"] and first <= at_ms(alert["at"]) <= last
