"""`swctl ack`: what is asked of the daemon."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner

from streamwatchd.cli import ack as command
from streamwatchd.cli import main


def test_what_is_asked_of_the_daemon(monkeypatch: pytest.MonkeyPatch) -> None:
    """Keys by name; whoever asks is who knows."""
    asked: list[dict[str, Any]] = []

    def answer(path: object, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        asked.append(arguments)
        return {"ack": {"ack": "k1"}, "version": 4, "none_up": False, "none_new": False}

    monkeypatch.setattr(command, "ask", answer)
    monkeypatch.setattr("getpass.getuser", lambda: "anna")
    words = ["ack", "--socket", "x", "hot", "--key", "host=a", "--note", "on it"]
    printed = CliRunner().invoke(main, words, catch_exceptions=False).output
    assert asked == [{"rule": "hot", "keys": {"host": "a"}, "where": "", "by": "anna", "note": "on it", "look": True}]
    assert printed == "k1 is in force in every shard, version 4\n"


def test_words_about_nothing_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Exit code 1: a key that is misspelt, most likely."""
    answer = {"ack": {"ack": "k1"}, "version": 4, "none_up": True, "none_new": False}
    monkeypatch.setattr(command, "ask", lambda path, name, arguments: answer)
    result = CliRunner().invoke(main, ["ack", "--socket", "x", "hot", "--key", "host=c"], catch_exceptions=False)
    assert result.exit_code == 1
    assert result.stderr == "but no alarm of `hot` with host=c is up, so it is about nothing; see `swctl alerts`\n"
