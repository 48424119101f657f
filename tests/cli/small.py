"""The project of the transcripts, and a way to call a command in it."""

from __future__ import annotations

import shutil
from pathlib import Path

from click.testing import CliRunner, Result

from streamwatchd.cli import main

PROJECT = Path(__file__).parents[1] / "cases" / "cli" / "project"
START = 1_767_571_200


def copy(folder: Path) -> Path:
    """The project in `folder`; gives its configuration."""
    shutil.copytree(PROJECT, folder, dirs_exist_ok=True)
    return folder / "streamwatchd.yaml"


def swctl(*arguments: object, input: bytes | None = None) -> Result:
    return CliRunner().invoke(main, [str(each) for each in arguments], input=input, catch_exceptions=False)
