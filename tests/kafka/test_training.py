"""Training from a topic of a real Kafka: its records, but no aborted ones, give the model that a recording gives."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from confluent_kafka import Producer

from streamwatchd.cli import main
from streamwatchd.ports.disk import RealDisk
from streamwatchd.repository.manifest import Manifest
from streamwatchd.repository.store import ModelStore
from tests.kafka.site import SOURCE_PARTITIONS, START_MS, Site

pytestmark = pytest.mark.kafka
ODD = """
source: events
every: 10s
rules:
  - anomaly: odd
    by: k
    model: mix
    values: {n: count(), high: max(x)}
    features: [n, high]
    when: score >= 0
"""
WINDOWS, KEYS = 200, 3
EVENTS = WINDOWS * KEYS * 4
TINY = ("--set", "trees=5", "--set", "samples=32")


@pytest.fixture
def site(kafka: str, tmp_path: Path) -> Iterator[Site]:
    made = Site(kafka, tmp_path)
    (tmp_path / "rules.d" / "odd.yaml").write_text(ODD)
    yield made
    made.end()


def fill(site: Site) -> None:
    """What happened, in two transactions, and as much again in one that is aborted between them."""
    producer = Producer({"bootstrap.servers": site.kafka.options["bootstrap.servers"], "transactional.id": site.name})
    producer.init_transactions(30)
    for numbers, high in ((range(EVENTS // 2), 50), (range(EVENTS), 10**6), (range(EVENTS // 2, EVENTS), 50)):
        producer.begin_transaction()
        for n in numbers:
            at = START_MS + n * 10_000 * WINDOWS // EVENTS
            event = {"t": at, "k": f"k{n % KEYS}", "x": n * 7 % high}
            producer.produce(site.topic, json.dumps(event), partition=n % SOURCE_PARTITIONS, timestamp=at)
        producer.flush(30)
        (producer.commit_transaction if high == 50 else producer.abort_transaction)(30)


def swctl(site: Site, *words: str) -> str:
    done = CliRunner().invoke(main, [*words, "--config", str(site.config)])
    assert done.exit_code == 0, done.output
    return done.output


def trained(site: Site, version: int) -> Manifest:
    return ModelStore(RealDisk(), site.folder / "models").read("mix", version).manifest


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_topic_teaches_what_its_recording_teaches(site: Site) -> None:
    """By the name of the topic or of the source; the running daemon then scores by what was trained, by itself."""
    fill(site)
    recording = site.folder / "recording.ndjson"
    swctl(site, "record", site.topic, "--out", str(recording), "--from-beginning")
    for where in (site.topic, "events", str(recording)):
        train = ("model", "train", "mix", "--rule", "odd", "--from", where, *TINY)
        said = swctl(site, *train, "--report", str(site.folder / "report"))
        assert f"{EVENTS:,} events gave" in said
        assert f"vectors of {KEYS} keys, 0 left out" in said
    first, *others = (trained(site, version) for version in (1, 2, 3))
    assert {each.artifact.sha256 for each in others} == {first.artifact.sha256}
    assert first.training.source == site.topic
    assert first.training.vectors in range(KEYS * (WINDOWS - 2), KEYS * WINDOWS + 1)
    site.start_and_wait()
    site.until(lambda: bool(site.output("anomalies")))
    event = site.output("anomalies")[0]
    assert (event["model"], event["version"], 0.0 <= event["score"] <= 1.0) == ("mix", 3, True)


def test_a_topic_that_is_empty_or_not_there_is_told(site: Site) -> None:
    """With its name, and no version is written."""
    train = ["model", "train", "mix", "--rule", "odd", "--config", str(site.config), "--from"]
    empty = CliRunner().invoke(main, [*train, "events"])
    assert (empty.exit_code, "`odd` has no vector in this recording" in empty.output) == (2, True), empty.output
    missing = CliRunner().invoke(main, [*train, f"{site.name}.none"])
    assert (missing.exit_code, f"{site.name}.none" in missing.output) == (2, True), missing.output
    assert not (site.folder / "models" / "mix").exists()
