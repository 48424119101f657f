"""Rules and tables in the shared snapshot store, beside the snapshots that need them."""

from __future__ import annotations

import threading
from pathlib import Path

from streamwatchd.daemon.contents import ContentStore, decode_versions, encode_versions
from streamwatchd.daemon.logs import Log
from streamwatchd.daemon.metrics import Metrics
from streamwatchd.errors import SnapshotCorrupt, Unavailable
from streamwatchd.shard.shared import SharedStore
from streamwatchd.shard.version import Version

_VERSIONS = "versions"
_RETRY_S = 15.0
_MOST_OLD = 1_000
"""Versions of the store that this host needs no more are kept for others, but not for ever."""


class ContentMirror:
    """Copies a state folder's versions and contents into the store, in a thread, until the store has taken them."""

    def __init__(self, shared: SharedStore, log: Log, metrics: Metrics, retry_s: float = _RETRY_S) -> None:
        self._shared = shared
        self._log = log
        self._metrics = metrics
        self._retry_s = retry_s
        self._changed = threading.Event()
        self._closed = False

    def read(self, name: str) -> bytes | None:
        """A file of the store, None where there is none. Raises Unavailable."""
        return self._shared.files.read(self._path(name))

    def follow(self, store: ContentStore) -> None:
        """From now on the shared store has what `store` has, soon."""
        store.on_change(self._changed.set)
        self._changed.set()
        threading.Thread(target=self._run, args=(store,), name="content-mirror", daemon=True).start()

    def _run(self, store: ContentStore) -> None:
        wait_s: float | None = None
        while not self._closed:
            if self._changed.wait(wait_s) and not self._closed:
                self._changed.clear()
            try:
                self.push(store)
                wait_s = None
            except (Unavailable, SnapshotCorrupt) as error:
                self._metrics.add("shared_store_failures_total")
                self._log.warning("rules_not_copied", reason=str(error), retry_in_seconds=self._retry_s)
                wait_s = self._retry_s

    def push(self, store: ContentStore) -> None:
        """Contents first, the list last. Raises Unavailable; SnapshotCorrupt where the store has other versions."""
        for name, data in store.files():
            if name == _VERSIONS:
                data = encode_versions(self._united(decode_versions(data)))
            elif self._shared.files.size(self._path(name)) == len(data):
                continue
            if self.read(name) != data:
                self._shared.files.write(self._path(name), data)

    def _united(self, mine: tuple[Version, ...]) -> tuple[Version, ...]:
        """With the older ones of the store, which another host may still need."""
        data = self.read(_VERSIONS)
        if data is None or not mine:
            return mine
        try:
            theirs = {version.number: version for version in decode_versions(data)}
        except SnapshotCorrupt:
            return mine
        for version in mine:
            if theirs.get(version.number, version) != version:
                raise SnapshotCorrupt(f"the shared store has another version {version.number}: is it used by others?")
        lowest = mine[0].number
        while lowest - 1 in theirs and mine[0].number - lowest < _MOST_OLD:
            lowest -= 1
        newer = [theirs[number] for number in sorted(theirs) if number > mine[-1].number]
        return (*(theirs[number] for number in range(lowest, mine[0].number)), *mine, *newer)

    def close(self) -> None:
        self._closed = True
        self._changed.set()

    def _path(self, name: str) -> Path:
        return self._shared.folder / name
