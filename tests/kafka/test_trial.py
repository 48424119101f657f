"""Rules on trial, and traffic of a topic through other rules, on a real Kafka."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.kafka.site import COUNTS, Site
from tests.kafka.test_control import answer, swctl

pytestmark = pytest.mark.kafka


def test_a_rule_on_trial_and_its_topic_once_more(kafka: str, tmp_path: Path) -> None:
    """It writes to the shadow topic alone until it is promoted. What the topic holds can be played."""
    site = Site(kafka, tmp_path, source="key: k\n")
    rules = site.folder / "rules.d" / "counts.yaml"
    rules.write_text(COUNTS.replace("every: 10s", "every: 10s\n    mode: shadow"))
    try:
        site.start_and_wait()
        site.feed(3_000)
        site.until(lambda: sum(answer(site, "shadow", "counts")["rows"].values()) >= 3)
        assert site.output("kpis") == []
        rules.write_text(COUNTS)
        assert swctl(site, "reload", "--wait").exit_code == 0
        site.feed(3_000)
        site.finish()
        site.until(lambda: len(site.output("kpis")) >= 3)
        out = tmp_path / "out"
        played = swctl(site, "dry-run", "--topic", "events", "--from", "1h", "--out", str(out))
        assert played.exit_code == 0, played.output
        rows = [json.loads(line) for line in (out / "kpis.ndjson").read_text().splitlines()]
        assert sum(row["values"]["n"] for row in rows if row["key"]["k"] != "end") == site.sent
        nothing = swctl(site, "dry-run", "--topic", "events", "--until", "1h", "--out", str(out))
        assert (nothing.exit_code, "no records of that time" in nothing.stderr) == (2, True)
    finally:
        site.end()
