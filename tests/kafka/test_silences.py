"""Silences and acknowledgements that are said to a running daemon, on a real Kafka."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.kafka.site import Site
from tests.kafka.test_control import answer, swctl

pytestmark = pytest.mark.kafka

RULES = """
source: events
every: 10s
rules:
  - {alarm: busy, by: k, when: count(over 10s) > 0, partial: true, repeat: 20s}
"""


def told(site: Site) -> list[tuple[str, str, str | None]]:
    """Of key k0: (event, reason, muted_by), in order."""
    rows: list[dict[str, Any]] = [each for each in site.output("alerts") if each["key"]["k"] == "k0"]
    return [(each["event"], each["reason"], each["muted_by"]) for each in sorted(rows, key=lambda each: each["at"])]


def test_what_is_said_holds_at_once_and_after_a_crash(kafka: str, tmp_path: Path) -> None:
    """A silence before the alarm begins, a crash, the end of the silence, an acknowledgement."""
    site = Site(kafka, tmp_path, source="key: k\n")
    site.write({"busy.yaml": RULES}, kafka)
    try:
        site.start_and_wait()
        wrong = swctl(site, "silence", "bsy", "--for", "2h", "--reason", "works")
        assert (wrong.exit_code, "did you mean `busy`" in wrong.stderr) == (2, True)
        said = answer(site, "silence", "busy", "--key", "k=k0", "--until", "2999-01-01", "--reason", "works")
        name = said["silence"]["silence"]
        site.feed(2_000)
        site.until(lambda: ("fired", None, f"silence({name})") in told(site))
        site.signal(9)
        site.start_and_wait()
        (listed,) = answer(site, "silences")["silences"]
        assert (listed["silence"], listed["alarms"], listed["file"]) == (name, ["busy"], None)
        assert answer(site, "silence", "--end", name)["version"] == said["version"] + 1
        site.feed(2_000)
        site.until(lambda: ("unmuted", None, None) in told(site))
        assert answer(site, "ack", "busy", "--key", "k=k0", "--by", "anna")["ack"]["by"] == "anna"
        site.feed(6_000)
        site.until(lambda: ("acknowledged", "anna", None) in told(site))
        up = {row["key"]["k"]: row["acknowledged"] for row in answer(site, "alerts")["alarms"]}
        assert {key for key, acknowledged in up.items() if acknowledged} == {"k0"} < up.keys()
        events = [event for event, _, _ in told(site)]
        assert "repeated" not in events[events.index("acknowledged") :]
        said_first = ("daemon_started", "silence_began", "silence_ended", "alarm_acknowledged")
        audit = [line["event"] for line in answer(site, "audit")["lines"] if line["event"] in said_first]
        assert audit == ["daemon_started", "silence_began", "daemon_started", "silence_ended", "alarm_acknowledged"]
        (began,) = answer(site, "audit", "--event", "silence_began")["lines"]
        assert (began["silence"], began["rules"], began["reason"]) == (name, ["busy"], "works")
        assert answer(site, "ack", "busy", "--key", "k=k0")["none_new"]
    finally:
        site.end()
