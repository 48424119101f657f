"""What a dry run came to, in a few lines."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from streamwatchd.cli.project import plural
from streamwatchd.cli.results import Tally
from streamwatchd.operators.document import iso

_SHOWN = 10


@dataclass(frozen=True, slots=True)
class Played:
    """Events, wall time, and where event time stood at the end: `newest_ms` and `watermark_ms` (None: no event).

    `first_ms` is the earliest record timestamp.
    """

    recording: str
    events: int
    seconds: float
    newest_ms: int | None
    watermark_ms: int | None
    unknown: Mapping[str, int]
    notes: tuple[str, ...]
    flushed: bool
    first_ms: int | None = None


def summary(played: Played, tally: Tally) -> Iterator[str]:
    rate = played.events / played.seconds if played.seconds > 0 else 0.0
    yield f"{played.recording}: {plural(played.events, 'event')} in {played.seconds:.1f} s ({rate:,.0f}/s)"
    yield from _alerts(tally)
    yield from _counts("KPI rows", tally.kpis)
    if tally.anomalies:
        yield from _counts("anomalies", tally.anomalies)
    if tally.shadow:
        yield from _counts("in shadow", tally.shadow)
    yield from _counts("late", tally.late)
    yield from _counts("dead letters", tally.dead_letters)
    yield from _open(played, tally)
    yield from played.notes
    yield from _hints(played, tally)


def _alerts(tally: Tally) -> Iterator[str]:
    yield f"alerts        {sum(tally.alerts.values()):>9,}"
    for rule in sorted({rule for rule, _ in tally.alerts}):
        events = ", ".join(
            f"{count:,} {event}" for (name, event), count in sorted(tally.alerts.items()) if name == rule
        )
        yield f"  {rule}: {events}"


def _counts(title: str, counts: Mapping[str, int]) -> Iterator[str]:
    yield f"{title:<13} {sum(counts.values()):>9,}"
    for name, count in sorted(counts.items()):
        yield f"  {name}: {count:,}"


def _open(played: Played, tally: Tally) -> Iterator[str]:
    """What has not come to its end."""
    if played.newest_ms is not None and played.watermark_ms is not None and not played.flushed:
        yield (
            f"event time stands at {iso(played.newest_ms)}, the watermark at {iso(played.watermark_ms)}: "
            "windows that end later stay open (--flush closes them)"
        )
    if tally.firing:
        yield f"still up: {plural(len(tally.firing), 'alarm')}"
    for document in list(tally.firing.values())[:_SHOWN]:
        key = ", ".join(f"{name}={value}" for name, value in document["key"].items())
        yield f"  {document['rule']} {key}: {document['state']}, {document['severity']}, since {document['starts_at']}"
    if len(tally.firing) > _SHOWN:
        yield f"  and {len(tally.firing) - _SHOWN:,} more"


def _hints(played: Played, tally: Tally) -> Iterator[str]:
    for topic, count in sorted(played.unknown.items()):
        yield f"left out: {plural(count, 'record')} of topic {topic}, which no source reads"
    if played.events and sum(tally.late.values()) > played.events // 10:
        yield "many events are late: is the recording in order of time over all its partitions?"
    if played.events and sum(tally.dead_letters.values()) > played.events // 10:
        yield "many records are dead letters: see their `reason`, and `time:` and `fields:` of the source"
