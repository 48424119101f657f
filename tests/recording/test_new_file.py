"""Files that take their place once they are whole."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from streamwatchd.recording.new_file import NewFile


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Path]:
    """Where an old file lies, for others to read only."""
    path = tmp_path / "a"
    path.write_bytes(b"old")
    path.chmod(0o640)
    yield path
    assert path.stat().st_mode & 0o777 == 0o640


def written(path: Path) -> NewFile:
    file = NewFile(str(path), beside=True)
    file.file.write(b"new")
    file.file.flush()
    return file


def test_the_old_file_is_there_until_the_new_one_is_whole(place: Path) -> None:
    """Its mode is that of the new one."""
    file = written(place)
    assert place.read_bytes() == b"old"
    file.keep()
    file.discard()
    assert [(each.name, each.read_bytes()) for each in place.parent.iterdir()] == [("a", b"new")]


def test_what_is_thrown_away_leaves_no_trace(place: Path) -> None:
    """The old file stays."""
    written(place).discard()
    assert [(each.name, each.read_bytes()) for each in place.parent.iterdir()] == [("a", b"old")]


def test_what_is_left_lies_beside(place: Path) -> None:
    """Under a name of its own, with the same end."""
    file = written(place)
    left = file.leave()
    file.discard()
    assert left is not None
    assert (left.parent, left.name.startswith("partial-"), left.name.endswith("-a")) == (place.parent, True, True)
    assert (left.read_bytes(), place.read_bytes()) == (b"new", b"old")


def test_a_link_stays_one(place: Path) -> None:
    """What it leads to is replaced, or made."""
    for name in ("a", "none"):
        link = place.with_name(f"to_{name}")
        link.symlink_to(name)
        written(link).keep()
        assert (link.is_symlink(), place.with_name(name).read_bytes()) == (True, b"new")


def test_a_device_is_written_to(place: Path) -> None:
    """It is never replaced nor taken away."""
    link = place.with_name("null")
    link.symlink_to("/dev/null")
    for end in (NewFile.keep, NewFile.leave, NewFile.discard):
        file = written(link)
        assert (file.is_beside, end(file)) == (False, None)
    assert Path("/dev/null").is_char_device()
    assert {each.name for each in place.parent.iterdir()} == {"a", "null"}


def test_what_is_open_already_is_written_to(place: Path) -> None:
    """A pipe has no path there; a file is of whoever opened it."""
    end, pipe = os.pipe()
    with os.fdopen(end, "rb") as reader, os.fdopen(pipe, "wb"), place.open("ab") as opened:
        link = place.with_name("to_pipe")
        link.symlink_to(f"/proc/self/fd/{pipe}")
        for path in (link, Path(f"/dev/fd/{pipe}")):
            written(path).keep()
            assert reader.read(3) == b"new"
        written(Path(f"/dev/fd/{opened.fileno()}")).keep()
        assert place.stat().st_ino == os.fstat(opened.fileno()).st_ino
    assert place.read_bytes() == b"new"


def test_a_folder_that_is_not_there_is_told(place: Path) -> None:
    """By its name."""
    with pytest.raises(OSError, match=f"No such file or directory: no file can be made in {place.parent}/no"):
        NewFile(str(place.parent / "no" / "b"), beside=True)
