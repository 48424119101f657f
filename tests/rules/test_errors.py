"""One bad file for each code: what a person reads."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from streamwatchd.diagnostics import render
from streamwatchd.rules import codes
from streamwatchd.rules.loader import Loaded, load

CASES = Path(__file__).parents[1] / "cases" / "errors"
PROJECT = CASES / "project"
FILES = sorted(path for path in CASES.iterdir() if re.match(r"SW[34]\d\d_", path.name) and path.suffix != ".txt")
MADE_HERE = {codes.TOO_LARGE}


def load_case(case: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> Loaded:
    """A folder is a whole project, a file is a rules file in the project that all cases share."""
    shutil.copytree(case if case.is_dir() else PROJECT, folder, dirs_exist_ok=True)
    if case.is_file():
        (folder / "rules.d").mkdir(exist_ok=True)
        shutil.copy(case, folder / "rules.d" / "case.yaml")
    monkeypatch.chdir(folder)
    return load(Path("streamwatchd.yaml"))


@pytest.mark.parametrize("case", FILES, ids=lambda case: case.name)
def test_a_bad_file_reads_as_written_down(
    case: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> None:
    """The code of the file's name is among the findings, and the text is the one beside the file."""
    loaded = load_case(case, tmp_path, monkeypatch)
    text = "\n\n".join(map(render, loaded.diagnostics)) + "\n"
    golden = case.with_suffix(".txt")
    if request.config.getoption("--update", default=False):
        golden.write_text(text)
    assert case.name[:5] in {found.code for found in loaded.diagnostics}
    assert text == golden.read_text()


def test_every_code_has_a_case() -> None:
    """A code without a bad file is a code that nobody has seen."""
    covered = {path.name[:5] for path in FILES} | MADE_HERE
    assert set(codes.TITLES) == covered


def test_a_file_beyond_the_size_limit_is_refused_unread(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A file of 17 MiB gives one finding and costs no parsing."""
    shutil.copytree(PROJECT, tmp_path, dirs_exist_ok=True)
    monkeypatch.chdir(tmp_path)
    (tmp_path / "rules.d").mkdir()
    (tmp_path / "rules.d" / "large.yaml").write_bytes(b"#" * (17 * 1024 * 1024))
    found = load(Path("streamwatchd.yaml")).diagnostics
    assert [each.code for each in found] == [codes.TOO_LARGE]
    assert render(found[0]) + "\n" == (CASES / "SW302_large.txt").read_text()
