"""Windows of rules that come under traffic are filled from what a real Kafka retains, once, whoever is killed."""

from __future__ import annotations

import json
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamwatchd.ports.kafka import Record
from tests.kafka.site import SOURCE_PARTITIONS, START_MS, Site
from tests.kafka.test_reloads import put, ready, reload, settled

pytestmark = pytest.mark.kafka

LONG = """
source: events
rules:
  - {kpi: long, by: place, every: 10s, over: 5m, values: {n: count()}}
  - {kpi: across, by: zone, every: 10s, over: 5m, values: {n: count()}}
"""

CORE = """
source: events
rules:
  - {kpi: %s, by: place, where: role == 'core', every: 10s, over: %s, values: {n: count()}}
"""


@pytest.fixture
def site(kafka: str, tmp_path: Path) -> Iterator[Site]:
    made = Site(kafka, tmp_path, source="key: place")
    yield made
    made.end()


def feed(site: Site, count: int) -> None:
    """Events 10 ms apart; each partition has a place of its own."""
    writer = site.kafka.plain_writer()
    for n in range(site.sent, site.sent + count):
        number, at = n % SOURCE_PARTITIONS, START_MS + 10 * n
        event = {"t": at, "k": "k0", "zone": "z0", "place": f"p{number}"}
        writer.send([Record(site.topic, json.dumps(event).encode(), partition=number)])
    writer.flush(30)
    writer.close()
    site.sent += count


def rows_of(site: Site, kpi: str) -> dict[tuple[str, str], list[int]]:
    """Counts by key and end of the window."""
    found: dict[tuple[str, str], list[int]] = {}
    for row in site.output("kpis"):
        if row["kpi"] == kpi:
            (key,) = row["key"].values()
            found.setdefault((key, row["window"]["end"]), []).append(row["values"]["n"])
    return found


def are_whole(rows: dict[tuple[str, str], list[int]], per_second: int) -> None:
    """Events came evenly from the start on; each row is there once."""
    for (_, end), counts in sorted(rows.items()):
        if end <= "2026-01-05T00:01:30.000Z":
            seconds = int(end[14:16]) * 60 + int(end[17:19])
            assert counts == [seconds * per_second], (end, counts)


@pytest.mark.parametrize("killed", [False, True])
def test_windows_that_began_before_the_rule_came_are_whole(site: Site, killed: bool) -> None:
    """Where the source is read and behind the exchange, also where all is killed just after the change, and rebuilt."""
    site.start_and_wait()
    site.until(lambda: ready(site))
    feed(site, 6_000)
    site.until(lambda: site.metric("streamwatchd_events_total") >= 6_000)
    put(site, "long.yaml", LONG)
    reload(site)
    site.until(lambda: settled(site) and site.metric("streamwatchd_backfill_records_total") > 0)
    if killed:
        assert site.process is not None
        site.process.send_signal(signal.SIGKILL)
        site.process.wait()
        site.start_and_wait()
    feed(site, 3_000)
    site.finish()
    site.until(lambda: len(rows_of(site, "long")) >= SOURCE_PARTITIONS * 3 and len(rows_of(site, "across")) >= 3)
    are_whole(rows_of(site, "long"), 100 // SOURCE_PARTITIONS)
    are_whole(rows_of(site, "across"), 100)


def roles(site: Site, *names: str) -> None:
    """Of the places of the partitions."""
    folder = site.folder / "enrichment.d"
    folder.mkdir(exist_ok=True)
    rows = "".join(f"p{number},{name}\n" for number, name in enumerate(names))
    (folder / "places.csv").write_text(f"place,role\n{rows}")
    (folder / "places.yaml").write_text("file: places.csv\n")


def switched(site: Site, count: int) -> bool:
    return len(site.logged("rules_switched")) >= count and settled(site)


def test_old_records_meet_the_rows_of_their_time(kafka: str, tmp_path: Path) -> None:
    """A table changes twice, a rule comes, all is killed: its window has what another rule had counted all along."""
    site = Site(kafka, tmp_path, source="key: place, enrich: {places: place}")
    site.write({"now.yaml": CORE % ("now", "10s")}, kafka)
    roles(site, "core", "core", "edge", "edge")
    try:
        site.start_and_wait()
        site.until(lambda: ready(site))
        feed(site, 2_000)
        for number, names in enumerate([("core", "edge", "core", "edge"), ("edge", "edge", "core", "edge")], 1):
            site.until(lambda: site.metric("streamwatchd_events_total") >= site.sent)
            roles(site, *names)
            reload(site)
            site.until(lambda number=number: switched(site, number))  # type: ignore[misc]
            feed(site, 2_000)
        site.until(lambda: site.metric("streamwatchd_events_total") >= site.sent)
        assert site.metric("streamwatchd_table_earlier_rows") == 6
        put(site, "long.yaml", CORE % ("long", "5m"))
        reload(site)
        site.until(lambda: switched(site, 3))
        assert site.process is not None
        site.process.send_signal(signal.SIGKILL)
        site.process.wait()
        site.start_and_wait()
        feed(site, 2_000)
        site.finish()
        end = "2026-01-05T00:01:20.000Z"
        site.until(lambda: sum(at == end for _, at in rows_of(site, "long")) == 3)
        site.until(lambda: ("p2", end) in rows_of(site, "now"))
        now: dict[str, int] = {}
        for (place, at), counts in rows_of(site, "now").items():
            now[place] = now.get(place, 0) + (sum(counts) if at <= end else 0)
        assert {place: counts for (place, at), counts in rows_of(site, "long").items() if at == end} == {
            place: [count] for place, count in now.items()
        }
        assert now.keys() == {"p0", "p1", "p2"}
    finally:
        site.end()
