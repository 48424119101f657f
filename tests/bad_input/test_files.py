"""Bad rule files through `swctl validate`: one clear finding at its place, and the neighbours are sound."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from streamwatchd.cli import main
from streamwatchd.rules.loader import load
from tests.bad_input.files import BAD_FILES, FIELDS, GOOD, Bad, put


@pytest.fixture
def config(tmp_path: Path) -> Path:
    (tmp_path / "rules.d").mkdir()
    (tmp_path / "rules.d" / "counts.yaml").write_text(GOOD)
    config = tmp_path / "streamwatchd.yaml"
    sources = f"sources: {{events: {{topic: in, time: t, fields: {FIELDS}}}}}\n"
    config.write_text("kafka: {bootstrap.servers: 'localhost:9092'}\n" + sources)
    return config


@pytest.mark.parametrize("bad", BAD_FILES, ids=lambda bad: bad.name)
def test_a_bad_file_is_one_clear_finding(config: Path, bad: Bad) -> None:
    """Exit code 1, the code and the words, the file, line and column; nothing is said of any other file."""
    path = put(bad, config.parent / "rules.d")
    done = CliRunner().invoke(main, ["validate", "--config", str(config), "--output", "json"])
    assert done.exit_code == 1, done.output
    found = [each for each in json.loads(done.stdout)["problems"] if each["severity"] == "error"]
    assert [(each["code"], each["file"]) for each in found[:1]] == [(bad.code, str(path))]
    assert {each["file"] for each in found} == {str(path)}
    assert len(found) == 1
    shown = CliRunner().invoke(main, ["validate", "--config", str(config)])
    assert shown.exit_code == 1
    assert bad.says in shown.stdout
    assert path.name in shown.stdout


@pytest.mark.parametrize("bad", BAD_FILES, ids=lambda bad: bad.name)
def test_the_neighbours_go_on(config: Path, bad: Bad) -> None:
    """The bad file is refused alone."""
    path = put(bad, config.parent / "rules.d")
    loaded = load(config)
    assert loaded.refused == (str(path),)
    assert [rule.name for rule in loaded.ruleset.rules] == ["counts"]


def test_an_unknown_table_is_named(config: Path) -> None:
    """At the source that wants it."""
    config.write_text(config.read_text().replace("time: t,", "time: t, enrich: {devces: k},"))
    done = CliRunner().invoke(main, ["validate", "--config", str(config)])
    assert done.exit_code == 1
    assert "SW407" in done.stdout
    assert "devces" in done.stdout
