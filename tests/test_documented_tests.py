"""What docs/ says of tests of rules: the examples of docs/language.md pass, the verbs of docs/tools.md do as told."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest

from tests.cli.small import swctl

ROOT = Path(__file__).resolve().parents[1]
_SECTION = re.compile(r"^## Tests of rules\n(.*?)^## ", re.MULTILINE | re.DOTALL)
_BLOCK = re.compile(r"^```yaml\n# (rules\.d/\S+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_VERB = re.compile(r"^\| `(\{at: .*?\})` \|", re.MULTILINE)
_EVENTS = '{source: metrics, step: 10s, host: a, mount: /, cpu: "40x90"}'


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The shipped configuration and tables, with rules and tests of the section."""
    shutil.copy(ROOT / "streamwatchd.yaml", tmp_path)
    for name in ("enrichment.d", "calendars.d"):
        shutil.copytree(ROOT / name, tmp_path / name)
    (tmp_path / "rules.d").mkdir()
    section = _SECTION.search((ROOT / "docs" / "language.md").read_text(encoding="utf-8"))
    assert section is not None
    blocks = dict(_BLOCK.findall(section.group(1)))
    assert sorted(blocks) == ["rules.d/hot.yaml", "rules.d/hot_test.yaml"]
    for path, text in blocks.items():
        (tmp_path / path).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_examples_pass(project: Path) -> None:
    """And have no warning."""
    result = swctl("test-rule", "rules.d/hot_test.yaml")
    assert (result.exit_code, result.output) == (0, "2 tests of 1 file passed\n")


def verbs() -> list[str]:
    """Rows of the table, with the fields that it leaves out."""
    rows = _VERB.findall((ROOT / "docs" / "tools.md").read_text(encoding="utf-8"))
    return [row.replace("…", "host: a, mount: /, cpu: 40").replace("cpu_high", "hot") for row in rows]


@pytest.mark.parametrize("verb", verbs())
def test_the_verbs_do_as_told(project: Path, verb: str) -> None:
    """Each in a test that expects nothing else of it."""
    text = f"tests: [{{name: verb, events: [{_EVENTS}, {verb}], expect_no: [{{alarm: hot}}]}}]\n"
    (project / "rules.d" / "hot_test.yaml").write_text(text)
    result = swctl("test-rule", "rules.d/hot_test.yaml")
    assert (result.exit_code, result.output) == (0, "1 test of 1 file passed\n")


def test_there_are_eight_verbs() -> None:
    """So that none is left out above."""
    assert len(verbs()) == 8
