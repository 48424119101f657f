"""`swctl savepoint`: what is asked for, and what is printed; a running daemon is in tests/kafka/test_savepoint.py."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from streamwatchd.cli import main
from streamwatchd.cli import savepoint as command

ROW = {
    "name": "before-0.2",
    "at": "2026-01-05T00:00:00.000Z",
    "app": "a",
    "engine": "0.1",
    "shards": 2,
    "bytes": 12_345,
}


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []

    def ask(path: object, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        found.append(arguments)
        listing = {"where": "file:///saves", "savepoints": [ROW]}
        return listing if arguments["list"] else {**ROW, "url": "file:///saves/x", "epochs": {"0": 4, "1": 5}}

    monkeypatch.setattr(command, "ask", ask)
    return found


def test_a_folder_becomes_an_address(asked: list[dict[str, Any]], tmp_path: Path) -> None:
    """The daemon's folder is not ours."""
    result = CliRunner().invoke(main, ["savepoint", "--socket", "x", "--out", str(tmp_path), "--name", "x"])
    assert (result.exit_code, result.stdout) == (0, "file:///saves/x: 2 shards, 12,345 bytes\n")
    assert (asked[0]["where"], asked[0]["name"]) == (f"file://{tmp_path}", "x")
    CliRunner().invoke(main, ["savepoint", "--socket", "x", "--out", "s3://bucket/saves"])
    assert asked[1]["where"] == "s3://bucket/saves"


def test_shards_that_other_hosts_have_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """With what to do about them."""
    result = {**ROW, "url": "s3://saves/x", "epochs": {"1": 5}, "missing": [0, 2]}
    monkeypatch.setattr(command, "ask", lambda *_: result)
    said = CliRunner().invoke(main, ["savepoint", "--socket", "x", "--out", "s3://saves", "--name", "x"])
    assert said.stdout.splitlines() == [
        "s3://saves/x: 1 shard, 12,345 bytes",
        "not finished: run the same command on the host(s) with shard(s) 0, 2",
    ]


def test_they_are_listed(asked: list[dict[str, Any]]) -> None:
    """By name, with what wrote them."""
    result = CliRunner().invoke(main, ["savepoint", "--socket", "x", "--list"])
    assert "before-0.2" in result.stdout
    assert "12,345" in result.stdout
