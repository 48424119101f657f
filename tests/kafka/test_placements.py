"""Keys that lie in other partitions once there are more of them: nothing of theirs stays where they were."""

from __future__ import annotations

import json
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamwatchd.operators.document import iso
from streamwatchd.ports.kafka import Record
from tests.kafka.site import SOURCE_PARTITIONS, START_MS
from tests.kafka.test_fit import Operated

pytestmark = pytest.mark.kafka
RULES = """
source: events
every: 10s
rules:
  - {alarm: hot, by: k, when: x > 50}
  - {alarm: quiet, by: k, when: max(x over 10s) > 1000, no_data: alert after 20s}
"""
NEW = SOURCE_PARTITIONS


@pytest.fixture
def site(kafka: str, tmp_path: Path) -> Iterator[Operated]:
    site = Operated(kafka, tmp_path, source="key: k, fields: {x: float, k: string}", partitions_settle="0s")
    site.write({"counts.yaml": RULES}, str(site.kafka.options["bootstrap.servers"]))
    yield site
    site.end()


def say(site: Operated, start: int, end: int, *partitions: tuple[str, int]) -> None:
    """An event a second of each key, in its partition."""
    writer = site.kafka.plain_writer()
    for second in range(start, end):
        for key, partition in partitions:
            event = {"t": START_MS + 1000 * second, "k": key, "x": 80}
            writer.send([Record(site.topic, json.dumps(event).encode(), partition=partition)])
    writer.flush(30)
    writer.close()


def taken_in(site: Operated, records: int) -> None:
    site.until(lambda: site.metric("streamwatchd_records_total") >= records)


def told(site: Operated) -> list[tuple[str, ...]]:
    return sorted(
        (each["key"]["k"], each["rule"], each["event"], each["reason"] or "") for each in site.output("alerts")
    )


@pytest.mark.parametrize("lost", [pytest.param(False, marks=pytest.mark.campaign), True])
def test_a_key_that_moves_leaves_no_alarm_and_no_silence_behind(site: Operated, lost: bool) -> None:
    """A key that stays is told again. So it is after a kill, and where the state folder was lost with it."""
    site.start_and_wait()
    say(site, 0, 30, ("moves", 0), ("stays", 1))
    taken_in(site, 60)
    site.until((site.folder / "state" / "topics").exists)
    site.signal(signal.SIGTERM)
    site.add_partitions(NEW + 1)
    site.settle("partitions", f"topic {site.topic} has {NEW + 1} partitions, it had {NEW}")
    site.start()
    site.until(lambda: any("placed_anew" in line for line in site.logged("rules_switched")))
    (line,) = [line for line in site.logged("rules_switched") if "placed_anew" in line]
    assert (line["placed_anew"], line["at_ms"]) == ([site.topic], START_MS + 29_001)
    say(site, 30, 100, ("moves", NEW), ("stays", 1))
    taken_in(site, 140)
    site.signal(signal.SIGKILL)
    if lost:
        shutil.rmtree(site.folder / "state")
    site.start()
    say(site, 300, 301, *((f"end{number}", number) for number in range(NEW + 1)))
    site.until(lambda: sum(key.startswith("end") for key, *_ in told(site)) == NEW + 1)
    assert [each for each in told(site) if not each[0].startswith("end")] == sorted(
        (key, *rest)
        for key in ("moves", "stays")
        for rest in (
            ("hot", "fired", ""), ("hot", "resolved", "partitions_changed"), ("hot", "fired", ""),
            ("quiet", "no_data", ""),
        )
    )  # fmt: skip
    silences = [each["at"] for each in site.output("alerts") if each["event"] == "no_data"]
    assert set(silences) == {iso(START_MS + 120_000)}
