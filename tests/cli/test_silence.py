"""`swctl silence` and `silences`: what is asked, and what is printed."""

from __future__ import annotations

from typing import Any

import pytest
from click.testing import CliRunner

from streamwatchd.cli import main
from streamwatchd.cli import silence as command


def ran(monkeypatch: pytest.MonkeyPatch, *words: str) -> tuple[int, str, list[dict[str, Any]]]:
    asked: list[dict[str, Any]] = []

    def answer(path: object, name: str, arguments: dict[str, Any]) -> dict[str, Any]:
        asked.append(arguments)
        return {"silence": {"silence": "s1", "until": arguments.get("until")}, "version": 4}

    monkeypatch.setattr(command, "ask", answer)
    result = CliRunner().invoke(main, ["silence", "--socket", "x", *words])
    return result.exit_code, result.output, asked


def test_what_is_asked_of_the_daemon(monkeypatch: pytest.MonkeyPatch) -> None:
    """A time without an offset is UTC; `--for` counts from now."""
    words = ("hot", "--key", "host=a=b", "--label", "team=noc", "--until", "2999-03-02T06:00", "--reason", "works")
    code, printed, (asked,) = ran(monkeypatch, *words, "--by", "anna")
    assert (code, asked["rules"], asked["keys"], asked["labels"]) == (0, ["hot"], {"host": "a=b"}, {"team": "noc"})
    assert (asked["until"], asked["by"]) == ("2999-03-02T06:00:00Z", "anna")
    assert "swctl silence --end s1" in printed
    code, _, (asked,) = ran(monkeypatch, "hot", "--for", "2h", "--reason", "works")
    assert (code, asked["until"][-1]) == (0, "Z")


def test_one_is_ended_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing else need be said."""
    code, printed, asked = ran(monkeypatch, "--end", "s1")
    assert (code, asked, "has ended" in printed) == (0, [{"end": "s1"}], True)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("hot", "--for", "2h"), "--reason"),
        (("hot", "--reason", "x"), "--for 2h, or --until"),
        (("hot", "--reason", "x", "--for", "soon"), "not `soon`"),
        (("hot", "--reason", "x", "--until", "soon"), "not `soon`"),
        (("hot", "--reason", "x", "--until", "2020-01-01"), "is over"),
        (("hot", "--reason", "x", "--for", "2h", "--key", "host"), "NAME=VALUE"),
    ],
)
def test_wrong_usage_is_said(monkeypatch: pytest.MonkeyPatch, words: tuple[str, ...], why: str) -> None:
    """Before the daemon is asked."""
    code, printed, asked = ran(monkeypatch, *words)
    assert (code, asked, why in printed) == (2, [], True)
