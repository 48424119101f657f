"""Tables from a database and from a topic, while the daemon runs."""

from __future__ import annotations

import json
import signal
import sqlite3
from pathlib import Path

import pytest

from streamwatchd.ports.kafka import NewTopic, Record
from tests.kafka.site import COUNTS, Site

pytestmark = pytest.mark.kafka
BY_ROLE = """
source: events
rules:
  - kpi: by_role
    by: role
    every: 10s
    values: {n: count()}
"""


def put(path: Path, role: str) -> None:
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE IF NOT EXISTS devices (k TEXT PRIMARY KEY, role TEXT)")
        database.executemany("REPLACE INTO devices VALUES (?, ?)", [(f"k{n}", role) for n in range(3)])
    database.close()


def test_rows_of_a_database_and_of_a_topic_are_joined_from_an_instant_on(kafka: str, tmp_path: Path) -> None:
    """Each event has the row of its time; a database that is gone leaves the last rows, over a kill."""
    site = Site(kafka, tmp_path, source="enrich: {devices: k, sites: k}")
    inventory, topic = tmp_path / "inventory.db", f"{site.name}.sites"
    put(inventory, "core")
    admin, writer = site.kafka.admin(), site.kafka.plain_writer()
    admin.ensure_topics([NewTopic(topic, 1, {"cleanup.policy": "compact"})])
    admin.close()
    writer.send(Record(topic, json.dumps({"site": "x"}).encode(), f"k{n}".encode()) for n in range(3))
    writer.flush(30)
    writer.close()
    (tmp_path / "enrichment.d").mkdir()
    query = f"query: SELECT k, role FROM devices\ndatabase: sqlite:///{inventory}\nevery: 1s\n"
    (tmp_path / "enrichment.d" / "devices.yaml").write_text(query)
    (tmp_path / "enrichment.d" / "sites.yaml").write_text(f"topic: {topic}\nkey: k\nevery: 1s\n")
    site.write({"counts.yaml": COUNTS, "roles.yaml": BY_ROLE, "sites.yaml": BY_ROLE.replace("role", "site")}, kafka)

    def counted(name: str) -> dict[str, int]:
        found: dict[str, int] = {}
        for row in site.output("kpis"):
            value = row["key"].get(name)
            if value is not None:
                found[value] = found.get(value, 0) + row["values"]["n"]
        return found

    try:
        site.start_and_wait()
        site.feed(3_000)
        put(inventory, "edge")
        site.until(lambda: site.health()[1].get("version", 0) >= 1)
        inventory.unlink()
        site.signal(signal.SIGKILL)
        site.start_and_wait()
        site.feed(3_000)
        site.finish()
        site.until(lambda: sum(counted("site").values()) >= 6_000 and sum(counted("role").values()) >= 6_000)
        assert counted("site") == {"x": 6_000}
        roles = counted("role")
        assert sum(roles.values()) == 6_000
        assert roles["edge"] > 0
        assert roles["core"] > 0
        site.until(lambda: bool(site.logged("table_not_fetched")))
    finally:
        site.end()
