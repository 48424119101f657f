"""What a user types and sees, word for word; `pytest --update` writes down what comes now."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.cli import transcripts

CASES = Path(__file__).parents[1] / "cases" / "cli"


@pytest.mark.parametrize("case", sorted(CASES.glob("*.txt")), ids=lambda case: case.stem)
def test_swctl_answers_as_written_down(
    case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """Every command of the case prints these lines and ends with this exit code."""
    shutil.copytree(CASES / "project", tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    title, steps = transcripts.read(case.read_text())
    came = transcripts.written(title, transcripts.play(steps, tmp_path))
    if request.config.getoption("--update", default=False):
        case.write_text(came)
    assert came == case.read_text()
