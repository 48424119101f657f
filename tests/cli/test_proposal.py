"""What a recording suggests; the projects that come of it are tested in test_init.py."""

from __future__ import annotations

import pytest

from streamwatchd.cli.proposal import Topic, proposed, source_name


def topic(*events: dict[str, object], times: int = 20) -> Topic:
    found = Topic("t")
    for event in events * times:
        found.add(event, None)
    return found


@pytest.mark.parametrize(
    ("event", "field"),
    [
        ({"wait_ms": 5}, "wait_ms: {type: float, unit: ms}"),
        ({"latency": 5.5}, "latency: {type: float, unit: ms}   # a guess by its name: right?"),
        ({"mem": 0.5}, "mem: {type: float, unit: ratio}   # a guess by its name: right?"),
        ({"disk_usage": 50}, "disk_usage: {type: float, unit: percent}   # a guess by its name: right?"),
        ({"cpu": 5000}, "cpu: int"),
        ({"n": 5}, "n: int"),
        ({"n": 5.5}, "n: float"),
        ({"ok": False}, "ok: bool"),
        ({"n": None}, ""),
        ({"over": 5}, ""),
    ],
)
def test_fields_have_a_type_and_perhaps_a_unit(event: dict[str, object], field: str) -> None:
    """By values first, then by name."""
    assert proposed(topic(event), "t").fields == ((field,) if field else ())


@pytest.mark.parametrize(
    ("event", "time"),
    [
        ({"ts": 1767571200}, "ts"),
        ({"ts": 12, "when": "2026-01-05T00:00:00Z"}, "when"),
        ({"request_time": 1767571200123}, "request_time"),
        ({"count": 1767571200}, "kafka"),
        ({}, "kafka"),
    ],
)
def test_the_time_is_a_field_of_times(event: dict[str, object], time: str) -> None:
    """Numbers only where the name says so."""
    assert proposed(topic(event), "t").time == time


@pytest.mark.parametrize(
    ("name", "source"), [("telecom.metrics", "metrics"), ("app-logs", "app_logs"), ("a.b.c-d", "c_d"), ("1", "events")]
)
def test_a_source_is_named_after_its_topic(name: str, source: str) -> None:
    """The last part."""
    assert source_name(name) == source
