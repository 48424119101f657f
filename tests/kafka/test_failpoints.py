"""The daemon as processes, killed at named places of its code: the next ones go on, and rules change once."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from streamwatchd.failpoints import FIRED, VARIABLE
from tests.kafka.site import COUNTS, Site

pytestmark = pytest.mark.kafka

WORKERS = ("epoch.offsets_sent=kill@3", "epoch.committing=kill_in:1@5", "journal.appended=kill@9")
SUPERVISOR = ("version.deciding=kill", "version.decided=kill")
MORE = COUNTS.replace("kpi: counts", "kpi: more").replace("10s", "5s")


@pytest.fixture
def site(kafka: str, tmp_path: Path) -> Iterator[Site]:
    made = Site(kafka, tmp_path, kafka={"linger.ms": 0})  # so that a killed transaction has records on the broker
    (tmp_path / "fired").mkdir()
    made.environment = {VARIABLE: ";".join(WORKERS + SUPERVISOR), FIRED: str(tmp_path / "fired")}
    yield made
    made.end()


def test_killed_at_named_places_nothing_is_lost_and_a_change_is_made(site: Site, tmp_path: Path) -> None:
    """Workers in the middle of a transaction, the supervisor in the middle of a change of rules."""

    def fired() -> set[str]:
        return {each.name for each in (tmp_path / "fired").iterdir()}

    def feed_until(points: tuple[str, ...]) -> None:
        wanted = {each.partition("=")[0] for each in points}

        def done() -> bool:
            site.feed(30)
            return wanted <= fired()

        site.until(done)

    site.start_and_wait()
    feed_until(WORKERS)
    site.until(lambda: site.health()[0] == 200)
    (tmp_path / "rules.d" / "more.yaml").write_text(MORE)
    for _ in SUPERVISOR:
        assert site.process is not None
        site.process.wait(60)
        site.start()
        site.feed(30)
    feed_until(SUPERVISOR)
    site.until(lambda: site.health()[0] == 200)
    site.feed(600)
    site.finish()
    site.until(lambda: any(row["kpi"] == "more" for row in site.output("kpis")))
    site.until(lambda: sum(row["values"]["n"] for row in site.kpis() if row["kpi"] == "counts") >= site.sent)
    counts = [(row["key"]["k"], row["window"]["start"]) for row in site.kpis() if row["kpi"] == "counts"]
    assert len(set(counts)) == len(counts)
    assert sum(row["values"]["n"] for row in site.kpis() if row["kpi"] == "counts") == site.sent
