"""`python -m streamwatchd.demo` on the command line."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamwatchd.demo import __main__ as demo
from streamwatchd.demo.play import Wanted
from streamwatchd.demo.show import Show
from streamwatchd.demo.verdict import Verdict
from streamwatchd.errors import Unavailable


def test_record_writes_the_same_file_every_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """And says what to do with it."""
    paths = [tmp_path / "one.ndjson", tmp_path / "two.ndjson"]
    for path in paths:
        assert demo.main(["record", "--seconds", "300", str(path)]) == 0
    assert paths[0].read_bytes() == paths[1].read_bytes()
    assert "swctl dry-run" in capsys.readouterr().out


@pytest.mark.parametrize("arguments", [["--seconds", "10"], ["record", "--rate", "1", "x"], ["record", "/no/such/x"]])
def test_what_cannot_be_tried_says_why(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, one line on stderr, no traceback."""
    assert demo.main(arguments) == 2
    assert capsys.readouterr().err.startswith("demo: ")


@pytest.mark.parametrize(("strays", "code"), [((), 0), (({"rule": "x"},), 1)])
def test_the_exit_code_is_the_verdict(
    strays: tuple[dict[str, str], ...], code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So that CI notices a missed incident; what was wanted reaches the player."""
    seen: list[Wanted] = []

    def play(wanted: Wanted, show: Show) -> Verdict:
        seen.append(wanted)
        return Verdict((), strays)

    monkeypatch.setattr(demo, "play", play)
    assert demo.main(["--kafka", "broker:9092", "--seed", "7"]) == code
    assert seen == [Wanted(kafka="broker:9092", seed=7)]


def test_a_broker_that_is_not_there_is_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The reason in one line, exit code 2."""

    def play(wanted: Wanted, show: Show) -> Verdict:
        raise Unavailable("no broker at nowhere:9092")

    monkeypatch.setattr(demo, "play", play)
    assert demo.main([]) == 2
    assert capsys.readouterr().err == "demo: no broker at nowhere:9092\n"
