"""`swctl dry-run --topic`: what topics hold of some time, against a broker in memory."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from streamwatchd.cli import record
from streamwatchd.ports.fake_kafka import FakeKafka
from streamwatchd.ports.kafka import Record
from tests.cli.small import START, copy, swctl
from tests.cli.test_plan import git

NOW = ("--now", "2026-01-06T00:00:00Z")


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A shop that is slow from 2 to 4 minutes, over seven."""
    kafka = FakeKafka({"web.requests": 2})
    writer = kafka.plain_writer()
    for second in range(0, 420, 5):
        slow = 120 <= second < 240
        event = {"ts": START + second, "shop": "north", "page": "home", "status": 200, "latency": 900 if slow else 100}
        stamp = (START + second) * 1000
        writer.send([Record("web.requests", json.dumps(event).encode(), partition=0, timestamp_ms=stamp)])
    writer.flush(1.0)
    monkeypatch.setattr(record, "open_kafka", lambda settings: kafka)
    return copy(tmp_path)


def events(config: Path, *options: object) -> list[str]:
    out = config.parent / "out"
    result = swctl("dry-run", "--config", config, "--out", out, *NOW, *options)
    assert result.exit_code == 0, result.output
    return [json.loads(line)["event"] for line in (out / "alerts.ndjson").read_text().splitlines()]


@pytest.mark.parametrize("name", ["web", "web.requests"])
def test_a_topic_is_played_as_a_recording_is(config: Path, name: str) -> None:
    """By its own name or its source's; nothing is left behind."""
    assert events(config, "--topic", name) == ["fired", "resolved"]


def test_only_a_stretch_of_it(config: Path) -> None:
    """By the timestamps of records: the first that counts, and the first that does not."""
    assert events(config, "--topic", "web", "--until", START + 200) == ["fired"]
    assert events(config, "--topic", "web", "--from", START + 260) == []
    result = swctl("dry-run", "--config", config, "--out", config.parent / "out", "--topic", "web", "--from", "1h")
    assert (result.exit_code, "there are no records of that time" in result.stderr) == (2, True)


def test_an_edit_is_judged_by_what_a_topic_holds(config: Path) -> None:
    """With budgets and for a pull request, as with a recording."""
    git(config.parent, "init", "-q")
    git(config.parent, "add", ".")
    git(config.parent, "commit", "-qm", "first")
    rules = config.parent / "rules.d" / "shop.yaml"
    rules.write_text(rules.read_text().replace("slow > 400ms", "slow > 4000ms"))
    arguments = ("dry-run", "--config", config, "--topic", "web", *NOW, "--against", "HEAD", "--output", "markdown")
    result = swctl(*arguments)
    assert (result.exit_code, "web" in result.stdout, "removed" in result.stdout) == (0, True, True), result.output
    assert swctl(*arguments, "--max-gone", 0).exit_code == 1


def test_a_topic_may_stand_in_the_place_of_a_recording(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By its own name or its source's; a file of that name comes first."""
    monkeypatch.chdir(config.parent)
    assert events(config, "web") == events(config, "web.requests") == ["fired", "resolved"]
    assert events(config, "web", "--until", START + 200) == ["fired"]
    result = swctl("dry-run", "--config", config, "--out", config.parent / "out", "webs")
    assert (result.exit_code, "webs" in result.stderr) == (2, True)
    (config.parent / "web").write_text("")
    assert events(config, "web", "--source", "web") == []


def test_a_record_of_a_topic_is_traced(config: Path) -> None:
    """With what came an hour before and after it: the alarm that it had a part in."""
    arguments = ("trace", "--config", config, "web.requests:0:25")
    shown = swctl(*arguments)
    assert shown.exit_code == 0, shown.output
    assert "alarm shop_slow" in shown.stdout
    assert "fired" in shown.stdout
    assert "fired" not in swctl(*arguments, "--until", START + 145).stdout
    for more, words in (
        ((), ""),
        (("--from", START + 300), "which --from and --until leave out"),
        (("--recording", "a.ndjson", "--from", "1h"), "--recording FILE does not go with them"),
    ):
        assert words in swctl(*arguments, *more).stderr
    for place, words in (
        ("web.requests:0:84", "it has 0 to 83"),
        ("web.requests:1:0", "the partition is empty"),
        ("web.requests:2:0", "has 2 partitions"),
        ("other:0:0", "no source reads the topic other"),
    ):
        result = swctl("trace", "--config", config, place)
        assert (result.exit_code, words in result.stderr) == (2, True), result.stderr


def test_it_says_what_is_missing(config: Path) -> None:
    """One thing to play; a range only of topics; a topic that is there."""
    out = ("--config", config, "--out", config.parent / "out")
    assert "--topic TOPIC" in swctl("dry-run", *out).stderr
    assert "--topic TOPIC" in swctl("dry-run", *out, "a.ndjson", "--topic", "web").stderr
    assert "--from and --until" in swctl("dry-run", *out, "a.ndjson", "--from", "1h").stderr
    assert "no topic nowhere" in swctl("dry-run", *out, "--topic", "nowhere").stderr
