"""Following the output topics."""

from __future__ import annotations

import json
from typing import Any

from streamwatchd.demo.follow import Outputs
from streamwatchd.ports.fake_kafka import FakeKafka
from streamwatchd.ports.kafka import Record
from streamwatchd.settings import Topics

TOPICS = Topics()
NAMES = (TOPICS.alerts, TOPICS.kpis, TOPICS.late, TOPICS.dead_letters)


def alert(ident: str, event: str, state: str) -> dict[str, Any]:
    at = "2026-01-05T00:05:00.000Z"
    return {
        "id": ident,
        "rule": "r",
        "key": {"host": "a"},
        "event": event,
        "state": state,
        "severity": "critical",
        "at": at,
    }


def row(minute: int, region: str, latency: float) -> dict[str, Any]:
    end = f"2026-01-05T00:{minute:02}:00.000Z"
    return {"kpi": "k", "key": {"region": region}, "window": {"end": end}, "values": {"latency": latency}}


def followed(records: dict[str, list[Any]]) -> tuple[Outputs, list[dict[str, Any]]]:
    kafka = FakeKafka(dict.fromkeys(NAMES, 2))
    writer = kafka.plain_writer()
    for topic, documents in records.items():
        writer.send(Record(topic, json.dumps(document).encode(), b"k") for document in documents)
    writer.flush(1)
    outputs = Outputs(kafka.reader(), kafka.admin(), TOPICS)
    return outputs, outputs.poll(0) + outputs.poll(0)


def test_an_alarm_stands_as_its_last_event_says() -> None:
    """And every event is given out once, in order."""
    events = [alert("1", "fired", "firing"), alert("2", "fired", "firing"), alert("1", "resolved", "resolved")]
    outputs, fresh = followed({TOPICS.alerts: events})
    assert [event["event"] for event in fresh] == ["fired", "fired", "resolved"]
    assert outputs.alerts == fresh
    assert {ident: alarm["state"] for ident, alarm in outputs.alarms.items()} == {"1": "resolved", "2": "firing"}
    assert outputs.poll(0) == []


def test_a_row_of_a_window_counts_once() -> None:
    """A row that comes again replaces the one before; the newest window is what is shown."""
    rows = [row(1, "west", 100), row(2, "west", 200), row(2, "west", 250), row(2, "east", 90)]
    outputs, _ = followed({TOPICS.kpis: rows})
    assert len(outputs.kpis) == 3
    newest = {key: shown["values"]["latency"] for key, shown in outputs.newest("k").items()}
    assert newest == {"west": 250, "east": 90}
    assert outputs.newest("unknown") == {}
    assert outputs.event_ms() == 1_767_571_320_000


def test_late_events_and_dead_letters_are_counted() -> None:
    """Their bytes do not matter here."""
    outputs, _ = followed({TOPICS.late: [1, 2], TOPICS.dead_letters: ["x"]})
    assert (outputs.late(), outputs.dead_letters(), outputs.total()) == (2, 1, 3)
    assert outputs.event_ms() is None
