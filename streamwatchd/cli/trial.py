"""What rules in shadow would have told: alarms as episodes, and counts of rows, of a topic or of recorded traffic."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import msgspec

from streamwatchd.operators.document import iso, name_of
from streamwatchd.ports.kafka import Kafka, Partition
from streamwatchd.rules.ruleset import SEVERITIES
from streamwatchd.shard.journal import payloads
from streamwatchd.shard.output import DOCUMENT_SINKS, Output
from streamwatchd.testing.episodes import Episode, Episodes, What, differences
from streamwatchd.testing.recorder import partitions_of
from streamwatchd.testing.timeline_times import absolute

_MOST_KEYS = 10
_DAY_MS = 86_400_000
_MINUTE_MS = 60_000


@dataclass(slots=True)
class Trial:
    """What was written of one rule: `rows` of a KPI or scored ones by day; first and last event time in ms."""

    rule: str
    episodes: Episodes
    rows: Counter[str] = field(default_factory=Counter)
    first_ms: int | None = None
    last_ms: int | None = None

    def add(self, document: Mapping[str, Any]) -> None:
        window = document.get("window") or {}
        at_ms = absolute(str(document.get("at") or window.get("end")))
        if at_ms is None:
            return
        self.first_ms = at_ms if self.first_ms is None else min(at_ms, self.first_ms)
        self.last_ms = at_ms if self.last_ms is None else max(at_ms, self.last_ms)
        if "event" in document:
            self.episodes.add(document)
        else:
            self.rows[_day(at_ms)] += 1


class Trials:
    """Of some rules; what comes of others is left out. `endless` are rules whose alerts are occurrences."""

    def __init__(self, rules: Iterable[str], endless: Container[str]) -> None:
        self._found = {rule: Trial(rule, Episodes(endless)) for rule in rules}

    def __getitem__(self, rule: str) -> Trial:
        return self._found[rule]

    def take(self, outputs: Iterable[Output]) -> None:
        for output in outputs:
            if output.sink in DOCUMENT_SINKS and isinstance(output.value, dict):
                self.add(output.value)

    def add(self, document: Mapping[str, Any]) -> None:
        if "key" in document and (trial := self._found.get(name_of(document))) is not None:
            trial.add(document)


def documents_of(kafka: Kafka, topic: str) -> Iterator[Mapping[str, Any]]:
    """All that the topic holds, partition by partition. Raises UnreadableInput without the topic, Unavailable."""
    for number in range(partitions_of(kafka, [topic])[topic]):
        for _, payload in payloads(kafka, Partition(topic, number)):
            try:
                yield msgspec.json.decode(payload or b"", type=dict[str, Any])
            except msgspec.DecodeError:
                continue  # somebody else's record


def report(trial: Trial, since_ms: int | None = None, judged_ms: int | None = None) -> dict[str, Any]:
    """As JSON; alarms that were muted would have told nobody, and are counted apart. Hours and days are in UTC.

    `since_ms` and `judged_ms` are the event times between which the rule was judged, where they are known: alarms are
    up until then. Else what was written of it says.
    """
    from_ms = min((each for each in (trial.first_ms, since_ms) if each is not None), default=0)
    until_ms = max(trial.last_ms or 0, judged_ms or 0)
    episodes = trial.episodes.all()
    told = [each for each in episodes if not each.muted]
    days = Counter(_day(each.start_ms) for each in told)
    span_ms = max(until_ms - from_ms, _DAY_MS)
    return {
        "rule": trial.rule,
        "from": iso(from_ms) if trial.first_ms is not None else None,
        "until": iso(until_ms) if trial.last_ms is not None else None,
        "told": len(told),
        "muted": len(episodes) - len(told),
        "a_day": round(len(told) * _DAY_MS / span_ms, 2),
        "minutes": _minutes(told, until_ms),
        "up": sum(each.end_ms is None for each in told),
        "busiest_hour": _busiest_hour(told),
        "severities": {severity: _part(told, severity, until_ms) for severity in SEVERITIES if _of(told, severity)},
        "keys": [
            {"key": key, "told": count, "minutes": _minutes([each for each in told if each.key == key], until_ms)}
            for key, count in Counter(each.key for each in told).most_common(_MOST_KEYS)
        ],
        "days": dict(sorted(days.items())),
        "rows": dict(sorted(trial.rows.items())),
    }


def beside(trial: Trial, other: Trial) -> dict[str, Any]:
    """What the rule would tell that `other` does not, and the other way round, in the time that both have seen."""
    mine, theirs = ([each for each in one.episodes.all() if not each.muted] for one in (trial, other))
    since_ms = max(trial.first_ms or 0, 0)
    theirs = [_as(each, trial.rule) for each in theirs if each.end_ms is None or each.end_ms >= since_ms]
    counts = Counter(each.what for each in differences(theirs, mine))
    return {
        "rule": other.rule,
        "told": len(theirs),
        "both": len(mine) - counts[What.ADDED],
        "only_shadow": counts[What.ADDED],
        "only_other": counts[What.REMOVED],
    }


def _as(episode: Episode, rule: str) -> Episode:
    return Episode(rule, episode.key, episode.owner, episode.start_ms, episode.end_ms, episode.severity)


def _busiest_hour(episodes: list[Episode]) -> dict[str, Any] | None:
    hours = Counter(each.start_ms // (60 * _MINUTE_MS) for each in episodes)
    if not hours:
        return None
    hour, count = max(hours.items(), key=lambda found: (found[1], -found[0]))
    return {"from": iso(hour * 60 * _MINUTE_MS), "told": count}


def _of(episodes: list[Episode], severity: str) -> list[Episode]:
    return [each for each in episodes if each.severity == severity]


def _part(episodes: list[Episode], severity: str, until_ms: int) -> dict[str, Any]:
    mine = _of(episodes, severity)
    return {"told": len(mine), "minutes": _minutes(mine, until_ms)}


def _minutes(episodes: list[Episode], until_ms: int) -> float:
    return round(sum(each.minutes(until_ms) for each in episodes), 1)


def _day(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).date().isoformat()
