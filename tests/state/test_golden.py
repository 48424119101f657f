"""A state folder that some version left is restored by this one, or refused untouched and in clear words."""

from __future__ import annotations

import difflib
from contextlib import suppress
from pathlib import Path

import pytest

from streamwatchd.errors import StateMismatch
from tests.state import golden
from tests.state.form import form_of
from tests.state.world import World

_TOLERANCE = 1e-9
_RAISE = """
The state has another form than {name}:

{difference}
Raise the format number of what has changed (FORMAT in streamwatchd/shard/snapshot_file.py, _FORMAT in shard/journal.py,
VERSIONS_FORMAT or RULES_FORMAT in daemon/contents.py), then `pytest tests/state --update` keeps a folder of the new
one. Records of the exchange have no number: a new form needs a reader of the old one as well.
"""


@pytest.fixture(scope="module")
def lived(request: pytest.FixtureRequest) -> World:
    """This version's state folder; with --update kept as files, if its formats have none yet."""
    if request.config.getoption("--update") and golden.of_today() is None:
        golden.make()
    return golden.lived()


def test_the_formats_of_today_are_kept(lived: World) -> None:
    """So that the next version has something to be tried on."""
    assert golden.of_today() is not None, "new format numbers: `pytest tests/state --update` keeps a folder of them"


def test_no_form_changes_without_a_new_number(lived: World) -> None:
    """A later version would read the old files as something else."""
    today = golden.of_today()
    assert today is not None
    kept, found = (today / "form.txt").read_text(), form_of(lived)
    lines = difflib.unified_diff(kept.splitlines(), found.splitlines(), "kept", "now", lineterm="", n=1)
    assert kept == found, _RAISE.format(name=today.name, difference="\n".join(list(lines)[:60]))


def test_death_and_restart_change_nothing() -> None:
    """The answers that are kept are those of a daemon that nothing happened to."""
    world = golden.lived()
    golden.go_on(world)
    before, after = golden.undisturbed().outputs(), world.outputs()
    for sink, rows in before.items():
        assert sorted(map(repr, rows)) == sorted(map(repr, after[sink])), sink


@pytest.mark.parametrize("folder", golden.all_goldens(), ids=lambda folder: folder.name)
def test_restored_with_the_right_answers_or_refused_untouched(folder: Path) -> None:
    """From the snapshot where its format is known, else from what Kafka has; else the message says what has changed."""
    world = golden.reborn(folder)
    before = dict(world.disk.files)
    said = world.outputs()
    world.feed(golden.later_records(folder))
    words = ""
    try:
        link = world.run(turns=90)
    except StateMismatch as error:
        words = str(error)
    else:
        words = "\n".join(link.reports[-1].notes)
        differences = _differences(golden.answers(folder), golden.new_answers(said, world))
        assert not differences, differences[:5]
    if golden.about(folder)["formats"] == golden.formats():
        assert words == "replaying epochs 9 to 10"
    else:
        assert "format" in words or "another plan" in words
        assert not any(path.suffix == ".corrupt" for path in world.disk.files)
        assert before.items() <= world.disk.files.items() | {(path, before[path]) for path in _journals(before)}


def _journals(files: dict[Path, bytes]) -> list[Path]:
    return [path for path in files if path.suffix == ".log"]


def test_a_newer_format_is_refused_untouched() -> None:
    """After a downgrade: said with both numbers, and left for the version that can read it."""
    world = golden.lived()
    name = max(path for path in world.disk.files if path.suffix == ".snapshot")
    data = world.disk.files[name]
    world.disk.files[name] = data[:8] + bytes([99]) + data[9:]
    newer = world.disk.files[name]
    link = golden.go_on(world)
    assert "format 99; this engine reads" in "\n".join(link.reports[-1].notes)
    assert world.disk.files[name] == newer


def _differences(wanted: list[dict[str, object]], found: list[dict[str, object]]) -> list[str]:
    """Of two lists whose order does not count; numbers may differ in the last digits."""
    missing, left = [], list(found)
    for row in wanted:
        match = next((each for each in left if _equal(row, each)), None)
        if match is None:
            missing.append(f"- {row}")
        else:
            left.remove(match)
    return missing + [f"+ {row}" for row in left]


def _equal(one: object, two: object) -> bool:
    if isinstance(one, dict) and isinstance(two, dict):
        return one.keys() == two.keys() and all(_equal(one[name], two[name]) for name in one)
    if isinstance(one, list) and isinstance(two, list):
        return len(one) == len(two) and all(map(_equal, one, two))
    if isinstance(one, float | int) and isinstance(two, float | int):
        with suppress(OverflowError):
            return abs(one - two) <= _TOLERANCE * max(1.0, abs(one), abs(two))
    return one == two
