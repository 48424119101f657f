"""Rules and tables in the shared store."""

from __future__ import annotations

import threading
from contextlib import suppress
from pathlib import Path

import pytest

from streamwatchd.daemon.content_mirror import ContentMirror
from streamwatchd.daemon.contents import Bundle, ContentStore
from streamwatchd.daemon.logs import logger
from streamwatchd.daemon.metrics import Metrics
from streamwatchd.errors import SnapshotCorrupt, StateMismatch, Unavailable
from streamwatchd.ports.fake_disk import FakeDisk, broken
from streamwatchd.shard.shared import SharedStore
from tests.shard.small import content

STATE = Path("/state")


class Host:
    """A state folder and its mirror; hosts share `remote`."""

    def __init__(self, remote: FakeDisk, retry_s: float = 0.01) -> None:
        self.metrics, self.disk = Metrics(), FakeDisk()
        self.mirror = ContentMirror(SharedStore(remote, Path("/shared"), "app"), logger(), self.metrics, retry_s)

    def store(self) -> ContentStore:
        return ContentStore(self.disk, STATE, elsewhere=self.mirror.read)


def add(store: ContentStore, *names: str) -> None:
    for name in names:
        store.add(content(name), Bundle(b"", {f"{name}.yaml": name.encode()}, {}), 5)


def test_a_new_host_starts_with_the_versions_of_the_others() -> None:
    """List and contents; from then on they are its own."""
    remote = FakeDisk()
    first = Host(remote)
    store = first.store()
    add(store, "a", "b", "a")
    first.mirror.push(store)
    second = Host(remote)
    assert second.store().versions == store.versions
    remote.files.clear()
    again = second.store()
    assert again.versions == store.versions
    assert again.bundle("b").rules == {"b.yaml": b"b"}


def test_a_version_is_never_there_without_its_rules() -> None:
    """Contents come first, whatever breaks off."""
    for n in range(1, 5):
        remote = FakeDisk()
        host = Host(remote)
        store = host.store()
        add(store, "a", "b")
        remote.faults.at(n, broken, point="disk.write")
        with suppress(Unavailable):
            host.mirror.push(store)
        there = Host(remote).store()
        assert all(there.bundle(version.digest) for version in there.versions)


def test_versions_that_others_may_need_stay() -> None:
    """What this host has forgotten, another's snapshot may still name."""
    remote = FakeDisk()
    host = Host(remote)
    store = host.store()
    add(store, "a", "b", "c")
    host.mirror.push(store)
    store.prune(oldest=2)
    host.mirror.push(store)
    assert [version.number for version in Host(remote).store().versions] == [0, 1, 2]


def test_the_store_of_another_application_is_not_overwritten() -> None:
    """Two that think they are one: it is said, nothing is mixed."""
    remote = FakeDisk()
    for name in ("a", "b"):
        host = Host(remote)
        store = ContentStore(host.disk, STATE)
        add(store, name)
        if name == "a":
            host.mirror.push(store)
            continue
        with pytest.raises(SnapshotCorrupt, match="used by others"):
            host.mirror.push(store)
    assert [version.digest for version in Host(remote).store().versions] == ["a"]


def test_a_store_that_is_down_is_tried_again_until_it_is_back() -> None:
    """In the background: nobody waits for it."""
    remote = FakeDisk()
    remote.faults.every("disk.write", broken)
    host = Host(remote)
    store = ContentStore(host.disk, STATE)
    add(store, "a")
    host.mirror.follow(store)
    done = threading.Event()

    def failed() -> bool:
        return "shared_store_failures_total" in host.metrics.render(0)

    while not failed():
        assert not done.wait(0.01)
    remote.faults.clear()
    add(store, "b")
    for _ in range(2_000):
        if [version.digest for version in Host(remote).store().versions] == ["a", "b"]:
            break
        done.wait(0.01)
    else:
        pytest.fail("the versions never came")
    host.mirror.close()


def test_a_new_host_waits_for_a_store_that_is_down() -> None:
    """To begin with version 0 would contradict the journal."""
    remote = FakeDisk()
    remote.faults.every("disk.read", broken)
    with pytest.raises(Unavailable):
        Host(remote).store()


def test_spoilt_versions_in_the_store_are_refused() -> None:
    """And named."""
    remote = FakeDisk()
    remote.write(Path("/shared/app/versions"), b"nonsense")
    with pytest.raises(StateMismatch, match="shared snapshot store can't be trusted"):
        Host(remote).store()
