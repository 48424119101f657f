"""Progress is for people who look."""

from __future__ import annotations

import io
import sys

import pytest

from streamwatchd.cli.progress import open_progress


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize("total", [1000, 0])
def test_a_terminal_gets_a_bar(monkeypatch: pytest.MonkeyPatch, total: int) -> None:
    """With the number of events, whether the end is known or not."""
    monkeypatch.setattr(sys, "stderr", Terminal())
    progress = open_progress(total)
    for done in range(100, 1100, 100):
        progress.at(done, done * 10)
    progress.end()
    assert "playing" in sys.stderr.getvalue()  # type: ignore[attr-defined]


def test_a_file_gets_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Logs stay readable."""
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    progress = open_progress(1000)
    progress.at(500, 5)
    progress.end()
    assert sys.stderr.getvalue() == ""
