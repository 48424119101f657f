"""The whole daemon on a disk that is really full, and on one that answers fsync and rename with errors."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.kafka.site import Site
from tests.kafka.test_nth_call import kill_all, obstacle

pytestmark = pytest.mark.kafka

SIZE = "4m"
RENAMES = "?rename,?renameat,?renameat2"


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 4 MiB."""
    folder = tmp_path / "small"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "none", str(folder)]
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("no small file system: only root can mount a tmpfs")
    done = subprocess.run(mount, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"no small file system: {done.stderr.strip()}")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=False)


def site_on(kafka: str, folder: Path, state: Path) -> Iterator[Site]:
    made = Site(kafka, folder, snapshot_every="300ms", state_dir=str(state))
    yield made
    made.end()


@pytest.fixture
def site(kafka: str, tmp_path: Path, small_disk: Path) -> Iterator[Site]:
    yield from site_on(kafka, tmp_path, small_disk / "state")


@pytest.fixture
def traced(kafka: str, tmp_path: Path) -> Iterator[Site]:
    if problem := obstacle():
        pytest.skip(problem)
    yield from site_on(kafka, tmp_path, tmp_path / "state")


def feed_until(site: Site, wanted: Callable[[], bool], seconds: float = 180.0) -> None:
    """Records all the time, as snapshots are taken of what is new."""
    deadline = time.monotonic() + seconds
    while not wanted():
        assert time.monotonic() < deadline, site.log.read_text()[-4000:]
        site.feed(30)
        time.sleep(0.2)


def fill(ballast: Path) -> None:
    """Until there is no room for another page."""
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while True:
            file.write(bytes(4096))
    assert os.statvfs(ballast.parent).f_bavail == 0


def snapshots(state: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in state.rglob("*.snapshot")}


def troubles(site: Site, event: str) -> set[str]:
    return {line["what"] for line in site.logged(event)}


def test_a_full_disk_holds_up_nothing_and_is_left_alone_when_there_is_room(site: Site, small_disk: Path) -> None:
    """Rows come all the time, also from a worker that is killed and starts on the full disk; what is there stays."""
    state = small_disk / "state"
    site.start()
    site.until(lambda: site.health()[0] == 200, 180)
    feed_until(site, lambda: len({path.parent for path in snapshots(state)}) == 2)
    ballast = small_disk / "ballast"
    fill(ballast)
    before = snapshots(state)
    feed_until(site, lambda: "snapshot" in troubles(site, "trouble_began"))
    assert site.metric("streamwatchd_snapshots_failed_total") > 0
    assert all("free some space" in line["why"] for line in site.logged("trouble_began"))
    os.kill(site.workers()[0], signal.SIGKILL)
    feed_until(site, lambda: bool(site.logged("worker_lost")))
    site.until(lambda: site.health()[0] == 200)
    assert site.metric("streamwatchd_snapshot_age_seconds") > 0
    assert before.keys() <= snapshots(state).keys()
    assert not list(state.rglob("*.corrupt"))
    ballast.unlink()
    feed_until(site, lambda: "snapshot" in troubles(site, "trouble_ended"))
    site.until_all_counted()


@pytest.mark.parametrize(
    ("calls", "error"), [("fsync,fdatasync", "EIO"), ("fsync,fdatasync", "ENOSPC"), (RENAMES, "EIO")]
)
def test_errors_of_fsync_and_rename_cost_no_row(traced: Site, calls: str, error: str, tmp_path: Path) -> None:
    """From some call on every one fails; a file that could not be synced never gets its name, and no other is lost."""
    site, state = traced, tmp_path / "state"
    inject = ["-e", f"trace={calls}", "-e", f"inject={calls}:error={error}:when=14+"]
    site.wrapper = ["strace", "-f", "-qq", "-o", os.devnull, *inject]
    site.start()
    site.until(lambda: site.health()[0] == 200, 180)
    feed_until(site, lambda: "snapshot" in troubles(site, "trouble_began"))
    failed = site.metric("streamwatchd_snapshots_failed_total")
    feed_until(site, lambda: site.metric("streamwatchd_snapshots_failed_total") >= failed + 4)
    began = [line["shard"] for line in site.logged("trouble_began") if line["what"] == "snapshot"]
    assert len(began) == len(set(began)), "it is said once, not at every try"
    assert snapshots(state)
    kill_all(site)
    before = snapshots(state)
    site.wrapper = []
    site.start()
    site.feed(60)
    site.until(lambda: site.health()[0] == 200, 180)
    assert not list(state.rglob("*.corrupt"))
    assert all(path.stat().st_size == len(data) for path, data in before.items() if path.exists())
    site.until_all_counted()
