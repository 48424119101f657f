"""`swctl init`: what it writes validates, its test passes, and the recording runs through it."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from tests.cli.small import START, swctl

RANDOM = random.Random(1)
BARE = [
    {
        "timestamp": "2026-01-05T00:00:00Z",
        "host": RANDOM.choice(["a", "b", "c"]),
        "cpu": RANDOM.uniform(5, 80),
        "free_bytes": 10**9 + number,
        "up": True,
        "odd name": 5,
        "nested": {"a": 1},
        "mixed": RANDOM.choice(["x", 5]),
    }
    for number in range(200)
]
RECORDS = [
    {
        "topic": f"shop.{topic}",
        "partition": number % 2,
        "offset": number // 2,
        "timestamp": (START + number) * 1000,
        "key": f"k{number % 2}",
        "value": value,
    }
    for topic, value in (
        ("orders", {"shop": "k", "state": "paid"}),
        ("requests", {"at": START, "shop": "k", "took_ms": 1}),
    )
    for number in range(200)
    for value in [value | {"shop": f"k{number % 2}"} | ({"took_ms": number / 7} if topic == "requests" else {})]
]


def written(folder: Path, recording: list[dict[str, object]], *options: object) -> Path:
    path = folder / "traffic.ndjson"
    path.write_text("".join(json.dumps(each) + "\n" for each in recording))
    project = folder / "first"
    result = swctl("init", project, "--from", path, *options)
    assert result.exit_code == 0, result.output
    return project


def check(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project)
    valid = swctl("validate")
    assert valid.exit_code == 0, valid.output
    assert "no problems" in valid.output
    tests = swctl("test-rule", "--restart-everywhere")
    assert (tests.exit_code, "passed" in tests.output) == (0, True), tests.output
    assert swctl("fmt", "--check").exit_code == 0


def test_bare_events(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The time by its name, types and units by values and names; what can't be a field is left out."""
    project = written(tmp_path, BARE, "--topic", "metrics")
    text = (project / "streamwatchd.yaml").read_text()
    for line in (
        "time: timestamp",
        "host: string",
        "cpu: {type: float, unit: percent}   # a guess",
        "free_bytes: {type: float, unit: bytes}",
        "up: bool",
    ):
        assert line in text
    assert not [word for word in ("odd", "nested", "mixed", "key:") if word in text]
    assert "by: host" in (project / "rules.d" / "first.yaml").read_text()
    check(project, monkeypatch)
    dry = swctl("dry-run", "../traffic.ndjson", "--out", "out", "--now", "2026-01-06T00:00:00Z")
    assert "dead letters          0" in dry.stdout


def test_records_of_several_topics(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key is the field that says what the records' keys say; without a time field it is Kafka's."""
    project = written(tmp_path, RECORDS)
    text = (project / "streamwatchd.yaml").read_text()
    assert "  orders:\n    topic: shop.orders\n    time: kafka\n    max_delay: 5s\n    key: shop\n" in text
    assert "  requests:\n    topic: shop.requests\n    time: at\n    max_delay: 5s\n    key: shop\n" in text
    assert "avg(took_ms over 1m)" in (project / "rules.d" / "first.yaml").read_text()
    check(project, monkeypatch)


def test_nothing_to_watch_is_counted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Texts alone."""
    project = written(tmp_path, [each for each in RECORDS if each["topic"] == "shop.orders"])
    assert "kpi: orders_rate" in (project / "rules.d" / "first.yaml").read_text()
    check(project, monkeypatch)


def test_without_a_recording_it_is_an_example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """And what is there already stays."""
    project = tmp_path / "a" / "b"
    assert swctl("init", project).exit_code == 0
    check(project, monkeypatch)
    (project / "streamwatchd.yaml").unlink()
    before = sorted(path.name for path in project.rglob("*"))
    result = swctl("init", project)
    assert (result.exit_code, "nothing was written" in result.stderr) == (2, True)
    assert sorted(path.name for path in project.rglob("*")) == before
