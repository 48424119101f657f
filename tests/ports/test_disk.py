"""The promises of `ports.disk`, kept by the real disk and by the fake."""

from __future__ import annotations

import os
import resource
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from streamwatchd.errors import Unavailable
from streamwatchd.ports.disk import Disk, RealDisk
from streamwatchd.ports.fake_disk import FakeDisk
from streamwatchd.ports.faults import Killed


@pytest.fixture(params=["real", "fake"])
def disk(request: pytest.FixtureRequest) -> Disk:
    return RealDisk() if request.param == "real" else FakeDisk()


def test_a_file_is_replaced_whole(disk: Disk, tmp_path: Path) -> None:
    """Folders come to be; nothing of the old content stays."""
    path = tmp_path / "a" / "b" / "file"
    assert disk.read(path) is None
    disk.write(path, b"a longer first version")
    disk.write(path, b"second")
    assert disk.read(path) == b"second"


def test_appends_add_up_and_tails_are_cut(disk: Disk, tmp_path: Path) -> None:
    """A log grows at its end, and a torn tail goes."""
    path = tmp_path / "log"
    disk.append(path, b"one,")
    disk.append(path, b"two,", durable=True)
    disk.append(path, b"tor")
    disk.truncate(path, 8)
    disk.append(path, b"three")
    assert disk.read(path) == b"one,two,three"


def test_names_are_listed_in_order(disk: Disk, tmp_path: Path) -> None:
    """An absent folder is empty, and deleting twice is no error."""
    assert disk.list(tmp_path / "absent") == []
    for name in ("b", "a", "c"):
        disk.write(tmp_path / "folder" / name, b"")
    disk.delete(tmp_path / "folder" / "b")
    disk.delete(tmp_path / "folder" / "b")
    assert disk.list(tmp_path / "folder") == ["a", "c"]


def test_a_lock_is_held_once(disk: Disk, tmp_path: Path) -> None:
    """The second taker is told to wait; after release it gets it."""
    path = tmp_path / "state" / "lock"
    lock = disk.lock(path)
    with pytest.raises(Unavailable):
        disk.lock(path)
    lock.release()
    lock.release()
    disk.lock(path).release()


def test_who_holds_a_lock_is_named(tmp_path: Path) -> None:
    """By its number, so that it can be looked at and ended."""
    lock = RealDisk().lock(tmp_path / "lock")
    with pytest.raises(Unavailable, match=f"held by process {os.getpid()}: .* stop its daemon"):
        RealDisk().lock(tmp_path / "lock")
    lock.release()


def test_cutting_an_absent_file_is_an_error(disk: Disk, tmp_path: Path) -> None:
    """There is nothing to cut, so something is wrong."""
    with pytest.raises(Unavailable):
        disk.truncate(tmp_path / "absent", 0)


def test_a_dead_process_holds_no_lock(tmp_path: Path) -> None:
    """The kernel frees it, whatever the death."""
    path = tmp_path / "lock"
    script = (
        "import os, sys, pathlib; from streamwatchd.ports.disk import RealDisk;"
        "lock = RealDisk().lock(pathlib.Path(sys.argv[1])); os.kill(os.getpid(), 9)"
    )
    done = subprocess.run([sys.executable, "-c", script, str(path)], check=False)
    assert done.returncode == -9
    RealDisk().lock(path).release()


def test_the_systems_errors_are_unavailable(tmp_path: Path) -> None:
    """A full or broken disk pauses the daemon, and the old content is still there."""
    (tmp_path / "file").write_bytes(b"")
    with pytest.raises(Unavailable, match="write"):
        RealDisk().write(tmp_path / "file" / "under-a-file", b"x")
    with pytest.raises(Unavailable, match="No space"):
        RealDisk().append(Path("/dev/full"), b"x")


def test_an_unfinished_write_is_not_listed(tmp_path: Path) -> None:
    """A temporary file that a kill left behind is nobody's."""
    (tmp_path / "snapshot.tmp").write_bytes(b"half")
    assert RealDisk().list(tmp_path) == []


def test_what_broke_off_is_swept_away(disk: Disk, tmp_path: Path) -> None:
    """It is in no list, and takes no room once it was swept."""
    disk.write(tmp_path / "good", b"whole")
    if isinstance(disk, FakeDisk):
        disk.faults.at(1, point="disk.write.torn")
        with pytest.raises(Killed):
            disk.write(tmp_path / "big", b"torn" * 9)
    else:
        (tmp_path / "big.tmp").write_bytes(b"torn")
    assert disk.list(tmp_path) == ["good"]
    disk.sweep(tmp_path)
    assert disk.size(tmp_path / "big.tmp") is None
    assert disk.read(tmp_path / "good") == b"whole"
    disk.sweep(tmp_path / "absent")


def test_a_full_disk_is_not_filled_with_empty_files(tmp_path: Path) -> None:
    """A first append that fails leaves no file behind; a later one leaves what was there, perhaps with a torn tail."""
    disk = RealDisk()
    (tmp_path / "log").symlink_to("/dev/full")
    with pytest.raises(Unavailable, match="No space left on device"):
        disk.append(tmp_path / "log", b"x")
    assert (tmp_path / "log").is_symlink()
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, limit[1]))
    try:
        with pytest.raises(Unavailable, match="File too large"):
            disk.append(tmp_path / "new", b"x")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
        signal.signal(signal.SIGXFSZ, before)
    assert not (tmp_path / "new").exists()
