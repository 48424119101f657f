"""What the documentation tells people to type is there, and what it says about capabilities runs."""

from __future__ import annotations

import json
import re
import shlex
import shutil
from collections.abc import Iterator, Sequence
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result

from streamwatchd.cli import main
from streamwatchd.demo.__main__ import main as demo

ROOT = Path(__file__).resolve().parents[1]
CAPABILITIES = ROOT / "docs" / "capabilities.md"
PAGES = sorted([ROOT / "README.md", *(ROOT / "docs").glob("*.md"), *(ROOT / "docs" / "reference").glob("*.md")])
_INLINE = re.compile(r"`(swctl [^`\n]*)`")
_BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_PATH = re.compile(r"`((?:tests|rules\.d|examples|schemas|calendars\.d)/[^`\s]*)`")
_LINK = re.compile(r"\]\((?!https?:)([^)#\s]+)(?:#[^)]*)?\)")
_OPTION = re.compile(r"--[a-z][a-z-]*")
_OWN = "--config", "streamwatchd.yaml"

AS_RUN = {
    "swctl test-rule rules.d/compute_test.yaml": ["test-rule", "rules.d/services_test.yaml"],
    "swctl test-rule": ["test-rule", "rules.d/services_test.yaml"],
    "swctl test-rule --restart-everywhere": ["test-rule", "--restart-everywhere", "rules.d/services_test.yaml"],
    "swctl test-rule --coverage --min-coverage 80": ["test-rule", "--coverage", "rules.d/services_test.yaml"],
    "swctl plan": ["plan", "OLD", "."],
    "swctl explain RULE --recording FILE --key …": ["explain", "health", "--recording", "FILE", "--key", "KEY"],
    "swctl dry-run FILE --against REV": ["dry-run", "FILE", "--against", "OLD"],
    "swctl trace TOPIC:PARTITION:OFFSET": ["trace", "RECORD", "--recording", "FILE"],
    "swctl lint": ["lint", "--recording", "FILE"],
    "swctl shadow RULE": ["shadow", "slow_and_failing", "--recording", "FILE"],
    "swctl dry-run": ["dry-run", "FILE", "--out", "OUT"],
}
"""As written → as run: OLD is another version of the project, FILE a recording of the demo, KEY and RECORD are in it.

Of the tests of rules only the quick ones: all of them run in tests/test_shipped_rules.py."""


def written(page: Path) -> Iterator[str]:
    text = page.read_text(encoding="utf-8")
    yield from _INLINE.findall(text)
    for block in _BLOCK.findall(text):
        lines = block.replace("\\\n", " ").splitlines()
        yield from (line.partition(" #")[0].strip() for line in lines if line.startswith("swctl "))


def resolved(words: Sequence[str]) -> click.Command:
    """The command that the words name. Raises UsageError for one that is not there."""
    command: click.Command = main
    context = click.Context(main)
    for word in words:
        if not isinstance(command, click.Group):
            break
        if word.startswith("-"):
            break
        found = command.get_command(context, word)
        if found is None:
            raise click.UsageError(f"no {word}")
        command = found
    return command


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_command_and_option_that_a_page_names_is_there(page: Path) -> None:
    """Also of commands that need a running daemon."""
    for text in written(page):
        words = text.split(" | ")[0].split(" > ")[0].split()[1:]
        command = resolved(words)
        known = {name for each in command.params for name in (*each.opts, *each.secondary_opts)} | {"--help"}
        assert set(_OPTION.findall(" ".join(words))) <= known, text


@pytest.mark.parametrize(
    "page", [page for page in PAGES if page.is_relative_to(ROOT / "docs")], ids=lambda page: page.name
)
def test_links_to_pages_lead_to_pages_of_the_documentation(page: Path) -> None:
    """`make docs` fails for any other; files of other kinds are handed out beside them."""
    for target in _LINK.findall(page.read_text(encoding="utf-8")):
        there = (page.parent / target).resolve()
        assert there.is_file(), target
        assert there.suffix != ".md" or there.is_relative_to(ROOT / "docs"), target


def test_every_file_that_capabilities_name_is_there() -> None:
    """Tests, rules, examples."""
    for path in _PATH.findall(CAPABILITIES.read_text(encoding="utf-8")):
        assert list(ROOT.glob(path)) if "*" in path else (ROOT / path).exists(), path


def test_every_command_of_capabilities_is_run_here() -> None:
    """One that is new there must be added here."""
    assert set(_INLINE.findall(CAPABILITIES.read_text(encoding="utf-8"))) == set(AS_RUN)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the shipped project, another version of it in OLD, and a recording."""
    folder = tmp_path_factory.mktemp("project")
    assert demo(["record", "--seconds", "300", str(folder / "all.ndjson")]) == 0
    lines = (folder / "all.ndjson").read_text().splitlines(keepends=True)
    (folder / "FILE").write_text("".join(lines[:2_000]))
    for place in (folder, folder / "OLD"):
        place.mkdir(exist_ok=True)
        shutil.copy(ROOT / "streamwatchd.yaml", place)
        for name in ("rules.d", "enrichment.d", "calendars.d", "models"):
            shutil.copytree(ROOT / name, place / name)
    rules = folder / "OLD" / "rules.d" / "services.yaml"
    rules.write_text(rules.read_text().replace("total > 100", "total > 1"))
    return folder


def named_in(recording: Path) -> dict[str, str]:
    """A key and a record of the recording."""
    records = map(json.loads, recording.read_text().splitlines())
    first = next(each for each in records if "host" in each.get("value", ()))
    record = f"{first['topic']}:{first['partition']}:{first['offset']}"
    return {"KEY": f"host={first['value']['host']}", "RECORD": record}


@pytest.mark.parametrize("text", AS_RUN)
def test_commands_of_capabilities_run(text: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """They end well, and say something."""
    monkeypatch.chdir(folder)
    known = named_in(folder / "FILE")
    words = [known.get(word, word) for word in AS_RUN[text]]
    assert words[0] == shlex.split(text)[1]
    given = () if words[0] == "plan" else _OWN
    result: Result = CliRunner().invoke(main, [words[0], *given, *words[1:]], catch_exceptions=False)
    assert result.exit_code in ((0, 1) if words[0] == "lint" else (0,)), result.output
    assert result.stdout
