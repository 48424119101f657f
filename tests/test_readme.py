"""The newcomer's walk in README.md works word for word: every command runs, every output shown is what comes."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
BLOCK = re.compile(r"^```(sh|text)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
WALK = re.compile(r"<!-- walk -->(.*)<!-- end of walk -->", re.DOTALL)
# `make install` has run already where tests run; the rest of that block sets up the shell.
INSTALL = "make install\n"
MARK = "--- next block ---"


@dataclass(frozen=True)
class Step:
    """Commands of one block and the output that the README shows for them, None where it shows none."""

    commands: str
    shown: str | None


def steps() -> list[Step]:
    walk = WALK.search((ROOT / "README.md").read_text(encoding="utf-8"))
    assert walk, "README.md has lost the marks around its walk"
    blocks = BLOCK.findall(walk.group(1))
    following = [*blocks[1:], ("", "")]
    return [
        Step(text, after if next_kind == "text" else None)
        for (kind, text), (next_kind, after) in zip(blocks, following, strict=True)
        if kind == "sh"
    ]


@pytest.fixture(scope="module")
def outputs(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """What each block printed, all run in one shell as a newcomer would."""
    folder = tmp_path_factory.mktemp("clone")
    bin_folder = folder / ".venv" / "bin"
    bin_folder.mkdir(parents=True)
    for name in ("swctl", "streamwatchd"):
        program = Path(sys.executable).with_name(name)
        if not program.exists():
            pytest.skip(f"{name} is not installed beside this Python: make install")
        shutil.copy(program, bin_folder / name)
    script = f"echo '{MARK}'\n".join(step.commands.replace(INSTALL, "") for step in steps())
    done = subprocess.run(
        ["bash"], input=script, cwd=folder, capture_output=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        text=True, check=False, env={**os.environ, "COLUMNS": "120", "NO_COLOR": "1"},
    )  # fmt: skip
    return done.stdout.split(MARK + "\n")


def changing(text: str) -> str:
    """Without what differs from run to run: times of the clock and how long something took."""
    text = re.sub(r"\bin [\d.,]+ m?s \([\d,.]+/s\)", "in N s", text)
    return re.sub(r'"emitted_at":"[^"]*"', '"emitted_at":"…"', text)


def show(number: int, output: str) -> None:
    """Write what a block prints into the README, if it shows that block's output."""
    step = steps()[number]
    assert "Traceback" not in output, "nothing to show to a newcomer"
    if step.shown is not None and changing(output) != changing(step.shown):
        readme = ROOT / "README.md"
        text = readme.read_text(encoding="utf-8")
        old, new = (f"{step.commands}```\n\n```text\n{shown}```" for shown in (step.shown, output))
        assert text.count(old) == 1
        readme.write_text(text.replace(old, new), encoding="utf-8")


@pytest.mark.parametrize("number", range(len(steps())))
def test_the_walk_prints_what_the_readme_shows(outputs: list[str], number: int, request: pytest.FixtureRequest) -> None:
    """Block by block; a block without shown output prints nothing."""
    if request.config.getoption("--update"):
        show(number, outputs[number])
    assert changing(outputs[number]).strip() == changing(steps()[number].shown or "").strip()
