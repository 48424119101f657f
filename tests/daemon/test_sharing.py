"""What the daemon has of the shared snapshot store."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from streamwatchd.daemon.metrics import Metrics
from streamwatchd.daemon.sharing import hosts_of, kept_in, mirror_of
from streamwatchd.errors import Unavailable
from streamwatchd.ports.clock import ManualClock
from streamwatchd.ports.fake_disk import FakeDisk
from tests.daemon.project import ListLog
from tests.shard.small import SETTINGS


def test_without_a_store_all_is_kept_on_disk() -> None:
    disk = FakeDisk()
    assert mirror_of(SETTINGS, ListLog(), Metrics()) is None
    assert kept_in(SETTINGS, disk) == (disk, SETTINGS.state_dir)
    assert hosts_of(SETTINGS, ManualClock(), ListLog()) is None


def test_with_a_store_the_next_host_finds_it_there(tmp_path: Path) -> None:
    """Below the folder of the application."""
    settings = replace(SETTINGS, snapshot_store=f"file://{tmp_path}")
    files, folder = kept_in(settings, FakeDisk())
    files.write(folder / "some", b"thing")
    assert (tmp_path / SETTINGS.app / "some").read_bytes() == b"thing"
    assert mirror_of(settings, ListLog(), Metrics()) is not None


def test_hosts_share_shards_that_are_there_through_a_store(tmp_path: Path) -> None:
    """What is wrong is said with the setting."""
    owning = replace(SETTINGS, owns=(0,), shards=2)
    with pytest.raises(Unavailable, match="`owns` needs a `snapshot_store`"):
        hosts_of(owning, ManualClock(), ListLog())
    sharing = replace(owning, snapshot_store=f"file://{tmp_path}")
    assert hosts_of(sharing, ManualClock(), ListLog()) is not None
    with pytest.raises(Unavailable, match="`owns` names shard 2, which `shards: 2` has not got"):
        hosts_of(replace(sharing, owns=(0, 2)), ManualClock(), ListLog())
