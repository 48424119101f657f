"""Man pages: one for swctl and one for each command, with all its options."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from streamwatchd.cli import COMMANDS, main

ROOT = Path(__file__).parents[2]


def generator() -> object:
    spec = importlib.util.spec_from_file_location("man", ROOT / "docs" / "man.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_command_has_a_page_with_its_options() -> None:
    """Those of groups too."""
    found = dict(generator().pages(main, "swctl"))  # type: ignore[attr-defined]
    assert {f"swctl-{name}.1" for name in COMMANDS} | {"swctl.1", "swctl-model-train.1"} <= set(found)
    assert "\\-\\-max\\-new" in found["swctl-dry-run.1"]
    assert "\\-h, \\-\\-help" in found["swctl-dry-run.1"], "as the command itself takes it"
    assert "\n.B swctl lint\n" in found["swctl.1"]
    assert "RECORDING|TOPIC" not in found["swctl-dry-run.1"].partition(".SH OPTIONS")[2], "it is no option"


@pytest.mark.skipif(shutil.which("man") is None, reason="no man here to read them with")
def test_man_reads_them(tmp_path: Path) -> None:
    """Without a warning."""
    for name, text in generator().pages(main, "swctl"):  # type: ignore[attr-defined]
        (tmp_path / name).write_text(text)
        done = subprocess.run(
            ["man", "--warnings", "-l", str(tmp_path / name)], capture_output=True, text=True, check=False
        )
        assert (done.returncode, done.stderr) == (0, "")


def test_hooks_call_commands_that_exist() -> None:
    """The definition for pre-commit."""
    hooks = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text())
    assert {hook["entry"].split()[1] for hook in hooks} <= set(COMMANDS)
    assert all(hook["entry"].startswith("swctl ") for hook in hooks)
