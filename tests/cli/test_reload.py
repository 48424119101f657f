"""`swctl reload`: what came of it; a running daemon is in tests/kafka/test_control.py."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner

from streamwatchd.cli import main
from streamwatchd.cli import reload as command

FINE = {
    "asked": True, "digest": "0123456789abcdef", "refused": [], "problem": "", "in_force": True, "version": 4,
    "pending_settings": [],
}  # fmt: skip


@pytest.mark.parametrize(
    ("answer", "code", "words"),
    [
        (FINE, 0, "version 4 is in force in every shard, content 0123456789ab"),
        ({**FINE, "refused": ["rules.d/a.yaml"]}, 1, "1 file refused"),
        ({**FINE, "pending_settings": ["app: a → b"]}, 1, "these settings wait for a restart:\n  app: a → b\n"),
        ({**FINE, "in_force": False, "problem": "nothing would be left"}, 1, "not in force: nothing would be left"),
    ],
)
def test_waited_for_the_exit_code_says_whether_all_is_in_force(
    monkeypatch: pytest.MonkeyPatch, answer: dict[str, Any], code: int, words: str
) -> None:
    """So that a deployment can stop on it."""
    monkeypatch.setattr(command, "ask", lambda path, name, arguments: answer)
    result = CliRunner().invoke(main, ["reload", "--wait", "--socket", "x"], catch_exceptions=False)
    assert (result.exit_code, words in result.stdout) == (code, True)
