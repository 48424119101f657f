"""The fake disk forgets what a real one may forget, and fails where it is told."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamwatchd.errors import Unavailable
from streamwatchd.ports.fake_disk import FakeDisk, broken, full
from streamwatchd.ports.faults import Faults, Killed

FOLDER = Path("/state")
LOG = FOLDER / "log"
FILE = FOLDER / "file"


def test_power_loss_takes_what_was_not_synced() -> None:
    """Whole files and durable appends stay; a plain append may leave any part of itself."""
    disk = FakeDisk()
    disk.write(FILE, b"whole")
    disk.append(LOG, b"durable,", durable=True)
    disk.append(LOG, b"plain")
    disk.lose_power(keep=lambda _path, size: size - 3)
    assert disk.files == {FILE: b"whole", LOG: b"durable,pl"}
    disk.append(LOG, b"!!!")
    disk.lose_power()
    assert disk.read(LOG) == b"durable,pl"


def test_a_killed_process_loses_nothing_it_wrote() -> None:
    """The page cache belongs to the machine; the locks are free."""
    disk = FakeDisk()
    disk.append(LOG, b"plain")
    disk.lock(FOLDER / "lock")
    disk.kill_process()
    assert disk.read(LOG) == b"plain"
    disk.lock(FOLDER / "lock")


def test_a_deleted_file_may_come_back() -> None:
    """Until the next sync of its folder."""
    disk = FakeDisk()
    disk.write(FILE, b"old")
    disk.delete(FILE)
    disk.lose_power()
    assert disk.read(FILE) == b"old"
    disk.delete(FILE)
    disk.write(FOLDER / "other", b"")
    disk.lose_power()
    assert disk.read(FILE) is None


def test_every_call_can_fail_at_every_point() -> None:
    """A write is all or nothing; an append may tear."""
    outcomes = {}
    for n in range(1, 6):
        for fault in (full, broken, Killed):
            disk = FakeDisk(Faults().at(3 + n, fault))
            disk.write(FILE, b"old")
            with pytest.raises((Unavailable, Killed)):
                _write_and_append(disk)
            outcomes[n, fault] = (disk.read(FILE), disk.read(LOG))
    for fault in (full, broken, Killed):
        assert [outcomes[n, fault] for n in range(1, 6)] == [
            (b"old", None),
            (b"old", None),
            (b"new", None),
            (b"new", None),
            (b"new", b"12"),
        ]


def _write_and_append(disk: FakeDisk) -> None:
    disk.write(FILE, b"new")
    disk.append(LOG, b"1234")
