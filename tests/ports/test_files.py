"""The promises of `ports.files`, kept by the disk, by the fake, and by a real S3 server."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from streamwatchd.ports.disk import RealDisk
from streamwatchd.ports.fake_disk import FakeDisk
from streamwatchd.ports.files import Files
from streamwatchd.ports.s3 import S3Files
from tests.s3.server import BUCKET, Server

Here = tuple[Files, Path]


@pytest.fixture(params=["disk", "fake", pytest.param("s3", marks=pytest.mark.s3)])
def here(request: pytest.FixtureRequest, tmp_path: Path) -> Here:
    """Files, and a folder that nobody else uses."""
    if request.param == "s3":
        server: Server = request.getfixturevalue("s3")
        return S3Files(BUCKET, server.options), Path("/tests") / tmp_path.name
    make: Callable[[], Files] = RealDisk if request.param == "disk" else FakeDisk
    return make(), tmp_path


def test_a_file_is_replaced_whole(here: Here) -> None:
    """Nothing of the old content stays, and folders need not be made."""
    files, folder = here
    path = folder / "a" / "b" / "file"
    assert files.read(path) is None
    assert files.size(path) is None
    assert files.write(path, b"a longer first version") == 22
    assert files.write(path, b"second") == 6
    assert files.read(path) == b"second"
    assert files.size(path) == 6


def test_a_file_may_come_in_pieces(here: Here) -> None:
    """As a large snapshot does; more than one part of an upload."""
    files, folder = here
    pieces = [bytes([n]) * 3_000_000 for n in range(7)]
    assert files.write(folder / "big", iter(pieces)) == 21_000_000
    assert files.read(folder / "big") == b"".join(pieces)


@pytest.mark.parametrize(
    ("offset", "length", "found"), [(0, 3, b"abc"), (4, 99, b"ef"), (2, None, b"cdef"), (9, 2, b"")]
)
def test_a_part_of_a_file_can_be_read(here: Here, offset: int, length: int | None, found: bytes) -> None:
    """What there is of it."""
    files, folder = here
    files.write(folder / "file", b"abcdef")
    assert files.read(folder / "file", offset, length) == found
    assert files.read(folder / "absent", offset, length) is None


def test_names_are_listed_with_folders(here: Here) -> None:
    """One level, in order; an absent folder is empty; deleting twice is no error."""
    files, folder = here
    for name in ("b", "a", "c/d"):
        files.write(folder / "list" / name, b"x")
    assert files.list(folder / "list") == ["a", "b", "c"]
    for _ in range(2):
        files.delete(folder / "list" / "b")
    assert files.list(folder / "list") == ["a", "c"]
    assert files.list(folder / "absent") == []


def test_a_file_is_renamed(here: Here) -> None:
    """In place of what is there."""
    files, folder = here
    files.write(folder / "new", b"new")
    files.write(folder / "old", b"old")
    files.rename(folder / "new", folder / "old")
    assert files.list(folder) == ["old"]
    assert files.read(folder / "old") == b"new"
