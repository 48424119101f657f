"""The life of a model by `swctl model`: trained, listed, shadow, promoted, marked, taken back."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from click.testing import CliRunner, Result

from streamwatchd.cli import main
from streamwatchd.cli.model import history
from streamwatchd.compiler import compile_project
from streamwatchd.ports.disk import RealDisk
from streamwatchd.ports.fake_kafka import FakeKafka
from streamwatchd.ports.kafka import Record
from streamwatchd.repository.dispositions import Disposition, read_dispositions, shift_for
from streamwatchd.repository.feedback import Verdict, take
from streamwatchd.repository.manifest import Training
from streamwatchd.repository.store import ModelStore
from tests.models.stump import put_stump
from tests.models.trees import manifest

CONFIG = "app: test\nkafka: {bootstrap.servers: 'localhost:1'}\nsources:\n  net: {topic: net, time: ts, key: link}\n"
RULES = """
source: net
rules:
  - anomaly: off
    by: link
    every: 1m
    model: traffic
    values: {octets: sum(octets), seen: count()}
    features: [octets, seen]
    when: score > 0.95
"""
FOR_OFF = Training("off", "q", "s", "2026-01-05T00:00:00.000Z", "2026-01-12T00:00:00.000Z", 1_000, 10)
START_S = 1_767_571_200


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """Two hours of four links, a sample every 20 s."""
    (tmp_path / "rules.d").mkdir()
    (tmp_path / "streamwatchd.yaml").write_text(CONFIG)
    (tmp_path / "rules.d" / "off.yaml").write_text(RULES)
    rng = np.random.default_rng(1)
    with (tmp_path / "net.ndjson").open("w") as file:
        for second in range(0, 3 * 3_600, 20):
            for link in range(4):
                octets = int(1e6 * (link + 1) * rng.lognormal(0, 0.2))
                file.write(json.dumps({"ts": START_S + second, "link": f"l{link}", "octets": octets}) + "\n")
    return tmp_path


def swctl(project: Path, *args: str) -> Result:
    return CliRunner().invoke(main, ["model", *args, "--config", str(project / "streamwatchd.yaml")])


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_model_lives(project: Path) -> None:
    """Two versions, the second a shadow that is promoted, marked and taken back; each says what rules take now."""
    train = ("train", "traffic", "--rule", "off", "--from", str(project / "net.ndjson"), "--kind", "seasonal")
    first = swctl(project, *train, "--report", str(project / "report"))
    assert first.exit_code == 0, first.output
    assert "vectors of 4 keys" in first.output
    assert "traffic@1 written to" in first.output
    assert "of its numbers" in first.output
    assert "…: the first\n" in first.output
    assert (project / "report" / "report.html").exists()
    again = swctl(project, *train, "--shadow", "--report", str(project / "report"))
    assert again.exit_code == 0, again.output
    assert "…: the same as of traffic@1\n" in again.output
    listed = swctl(project, "list").output
    assert "→ traffic@1" in listed
    assert "  traffic@2" in listed
    promoted = swctl(project, "promote", "traffic")
    assert "traffic@2 is good; rules that name `traffic` take traffic@2" in promoted.output
    mark = (
        "mark",
        "traffic@2",
        "false-positive",
        "--key",
        "link=l1",
        "--at",
        "2026-01-05T01:00Z",
        "--score",
        "0.99",
    )
    marked = swctl(project, *mark)
    assert "as traffic@3; rules that name `traffic` take it" in marked.output, marked.output
    store = ModelStore(RealDisk(), project / "models")
    assert store.read("traffic", 3).manifest.calibration.shift < 0
    assert store.read("traffic", 3).manifest.artifact == store.read("traffic", 2).manifest.artifact
    back = swctl(project, "rollback", "traffic", "--reason", "too loud")
    assert "traffic@3 is withdrawn; rules that name `traffic` take traffic@2" in back.output
    shown = swctl(project, "show", "traffic@3").output
    assert "withdrawn" in shown
    assert "false_positive" in shown
    assert [line["version"] for line in store.audited("traffic")] == [1, 2, 2, 3, 3]


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_the_next_training_hears_what_people_said(project: Path) -> None:
    """A row that was confirmed is left out; one that was a false positive is learned from, whatever a label says."""
    train = ("train", "traffic", "--rule", "off", "--from", str(project / "net.ndjson"), "--kind", "seasonal")
    label = {"begin": "2026-01-05T01:00:00Z", "end": "2026-01-05T01:10:00Z", "key": {"link": "l1"}}
    (project / "labels").write_text(json.dumps(label) + "\n")
    labelled = (*train, "--labels", str(project / "labels"), "--report", str(project / "r"))

    def left_out() -> int:
        version = store.versions("traffic")[-1]
        return store.read("traffic", version).manifest.training.left_out

    def mark(verdict: str, link: str, at: str) -> None:
        key = ("--key", f"link={link}", "--at", at, "--score", "0.97")
        assert swctl(project, "mark", "traffic@1", verdict, *key).exit_code == 0

    store = ModelStore(RealDisk(), project / "models")
    assert swctl(project, *labelled).exit_code == 0
    assert left_out() == 10
    mark("false-positive", "l1", "2026-01-05T01:05:00Z")
    assert swctl(project, *labelled).exit_code == 0
    assert left_out() == 9
    mark("confirmed", "l2", "2026-01-05T01:05:00Z")
    assert swctl(project, *labelled).exit_code == 0
    assert left_out() == 10


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_key_that_is_a_number_is_found_by_its_text(project: Path) -> None:
    """Of marks by `swctl` and by the control topic, which are one mark of one key, and of labels."""
    numbers = re.sub(r'"link": "l(\d)"', r'"link": 44\1', (project / "net.ndjson").read_text())
    (project / "numbers.ndjson").write_text(numbers)
    (project / "streamwatchd.yaml").write_text(CONFIG.rstrip()[:-1] + ", fields: {link: float}}\n")
    (project / "labels").write_text(
        '{"begin": "2026-01-05T01:00:00Z", "end": "2026-01-05T01:10:00Z", "key": {"link": "441"}}\n'
    )
    train = ("train", "traffic", "--rule", "off", "--from", str(project / "numbers.ndjson"), "--kind", "seasonal")
    train = (*train, "--report", str(project / "r"))
    store = ModelStore(RealDisk(), project / "models")

    def left_out(*more: str) -> int:
        trained = swctl(project, *train, *more)
        assert trained.exit_code == 0, trained.output
        return store.read("traffic", store.versions("traffic")[-1]).manifest.training.left_out

    assert left_out("--labels", str(project / "labels")) == 10
    at = ("--at", "2026-01-05T01:05:00Z", "--score", "0.97")
    marked = swctl(project, "mark", "traffic@1", "confirmed", "--key", "link=441", *at)
    assert marked.exit_code == 0, marked.output
    assert left_out() == 1
    said = Verdict("traffic", 1, "false_positive", {"link": 441}, "2026-01-05T01:05:00.000Z", 0.97, "", "ann")
    take(store, said)
    assert [each.verdict for each in read_dispositions(store.files, store.root, "traffic")] == ["false_positive"]
    assert left_out() == 0


def test_a_mark_of_another_key_than_the_rules_is_refused(project: Path) -> None:
    """A name that is mistaken would be no name of any key, and the mark one of all keys."""
    put_stump(project / "models", "traffic", "octets", "seen", training=FOR_OFF)
    at = ("--at", "2026-01-05T01:05:00Z", "--score", "0.97")
    marked = swctl(project, "mark", "traffic", "confirmed", "--key", "lnik=l1", *at)
    assert (marked.exit_code, "`off` takes --key link=…" in marked.output) == (2, True), marked.output
    assert swctl(project, "mark", "traffic", "confirmed", "--key", "link=l1", *at).exit_code == 0


def test_the_rule_runs_with_what_it_reads_alone(project: Path) -> None:
    """KPIs of KPIs, and the rules whose alarms are asked for; the vectors are those of the whole project."""
    more = RULES.replace("    by: link", "    by: link\n    source: wide").replace("source: net\n", "source: net\n", 1)
    kpis = """
  - {kpi: wide, source: rates, by: link, every: 1m, values: {octets: sum(octets), seen: sum(seen)}}
  - {kpi: rates, by: link, every: 1m, values: {octets: sum(octets), seen: count()}}
  - {kpi: other, by: link, every: 10s, values: {n: count()}}
  - {alarm: loud, by: link, when: octets > 4000000}
"""
    more = more.replace("    values: {octets: sum(octets), seen: count()}\n", "").replace("    every: 1m\n", "")
    (project / "rules.d" / "off.yaml").write_text(more + kpis)
    traffic = history.Traffic(str(project / "net.ndjson"), None, None)
    alone, whole = (
        history.vectors_in("off", project / "streamwatchd.yaml", None, traffic, others)
        for others in ((), ("loud", "other"))
    )
    assert len(alone.seen.history) > 600
    assert np.array_equal(alone.seen.history.vectors, whole.seen.history.vectors)
    assert alone.seen.history.keys == whole.seen.history.keys
    compiled = compile_project(project / "streamwatchd.yaml")
    kept = history._alone(compiled.loaded.ruleset, ("off",)).rules
    assert {each.name for each in kept} == {"off", "wide", "rates"}
    assert {alert["rule"] for alert in whole.seen.alerts} == {"loud"}


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_versions_are_compared(project: Path) -> None:
    """Text and JSON, over the same traffic; nothing is written."""
    train = ("train", "traffic", "--rule", "off", "--from", str(project / "net.ndjson"))
    assert swctl(project, *train, "--kind", "seasonal", "--report", str(project / "r")).exit_code == 0
    forest = swctl(project, *train, "--set", "trees=5", "--set", "samples=64", "--report", str(project / "r"))
    assert forest.exit_code == 0, forest.output
    assert ModelStore(RealDisk(), project / "models").read("traffic", 2).manifest.hyperparameters == {
        "trees": 5,
        "samples": 64,
    }
    label = {"begin": "2026-01-05T01:00:00Z", "end": "2026-01-05T01:10:00Z", "key": {"link": "l1"}}
    (project / "labels").write_text(json.dumps(label) + "\n")
    evaluate = ("evaluate", "traffic@1", "traffic@2", "--rule", "off", "--from", str(project / "net.ndjson"))
    told = swctl(project, *evaluate, "--labels", str(project / "labels"))
    assert told.exit_code == 0, told.output
    assert "2,160 events" in told.output
    assert "1 odd stretches" in told.output
    found = json.loads(swctl(project, *evaluate, "--threshold", "0.2", "--output", "json").stdout)
    assert [each["model"] for each in found["versions"]] == ["traffic@1", "traffic@2"]
    for each in found["versions"]:
        assert each["alarms"] > 0
        assert each["precision"] == 0.0
        assert each["recall"] is None
        assert each["vectors"] == 4 * 179
    assert len(ModelStore(RealDisk(), project / "models").audited("traffic")) == 2


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_a_topic_and_parquet_teach_the_same_as_the_file(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Equal records give equal arrays, however they come."""
    lines = (project / "net.ndjson").read_bytes().splitlines()
    pl.read_ndjson(project / "net.ndjson").write_parquet(project / "net.parquet")
    kafka = FakeKafka({"net": 1})
    writer = kafka.plain_writer()
    writer.send(Record("net", line, partition=0, timestamp_ms=1000 * json.loads(line)["ts"]) for line in lines)
    writer.flush(1.0)
    monkeypatch.setattr(history, "open_kafka", lambda settings: kafka)
    for source in (str(project / "net.ndjson"), str(project / "net.parquet"), "net"):
        train = ("train", "traffic", "--rule", "off", "--from", source, "--kind", "seasonal")
        result = swctl(project, *train, "--report", str(project / "r"))
        assert result.exit_code == 0, result.output
        assert "2,160 events gave 716 vectors" in result.output
    store = ModelStore(RealDisk(), project / "models")
    assert len({store.read("traffic", version).manifest.artifact.sha256 for version in (1, 2, 3)}) == 1


@pytest.mark.parametrize(
    ("args", "reason"),
    [
        (("promote", "trafic"), "there is no model `trafic`"),
        (("train", "m", "--rule", "of", "--from", "x"), "there is no anomaly rule `of`"),
        (("rollback", "none@3"), "there is no model `none`"),
        (("evaluate", "none", "--rule", "off", "--from", "x"), "there is no model `none`"),
        (("train", "m", "--rule", "off", "--from", "net.ndjson", "--set", "trees"), "write NAME=VALUE"),
        (("train", "m", "--rule", "off", "--from", "net.ndjson", "--set", "trees=many"), "write a whole number"),
        (("train", "m", "--rule", "off", "--from", "x", "--kind", "lstm", "--set", "trees=5"), "it has rounds, units"),
    ],
)
def test_a_wrong_name_is_told(project: Path, args: tuple[str, ...], reason: str) -> None:
    result = swctl(project, *args)
    assert result.exit_code == 2
    assert reason in result.output


def test_one_mark_moves_little_and_a_confirmed_one_is_kept() -> None:
    calibration = manifest().calibration

    def mark(verdict: str, raw: float) -> Disposition:
        return Disposition(verdict, {}, "", 1, 0.99, raw, "")

    half = 0.5 * calibration.tail.scale
    assert shift_for(calibration, [], 0.95) == 0.0
    assert shift_for(calibration, [mark("false_positive", 9.0)], 0.95) == pytest.approx(-half)
    assert shift_for(calibration, [mark("false_positive", 9.0)] * 3, 0.95) == pytest.approx(-3 * half)
    many = [mark("false_positive", 9.0)] * 3
    assert shift_for(calibration, [*many, mark("confirmed", 0.7)], 0.95) >= -3 * half
    assert shift_for(calibration, [mark("confirmed", 0.1)], 0.95) == pytest.approx(half)
