"""Tables from databases and topics: fetched now and then, each in a thread of its own, into copies in the state folder.

A copy is written where rows have changed, and the reloader takes it up like an edited file. What can't be fetched stays
as it was, and grows old: the copy's time says when its rows were last known to be right.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from streamwatchd.daemon.logs import Log
from streamwatchd.daemon.metrics import Metrics
from streamwatchd.enrichment.fetched import Fetch, copy_path
from streamwatchd.enrichment.origins import Origin
from streamwatchd.errors import Unavailable
from streamwatchd.ports.disk import Disk

_FIRST_RETRY_S = 1.0
_MOST_RETRY_S = 60.0


class Tables:
    """`follow` says which tables there are; `changed` hears that a copy is another one now."""

    def __init__(
        self, state_dir: Path, disk: Disk, open_origin: Callable[[Fetch], Origin], changed: Callable[[], None],
        log: Log, metrics: Metrics,
    ) -> None:  # fmt: skip
        self._state_dir, self._disk, self.open_origin, self._changed = state_dir, disk, open_origin, changed
        self._log, self._metrics = log, metrics
        self._lock = threading.Lock()
        self._fetchers: dict[Fetch, _Fetcher] = {}

    def follow(self, fetches: Iterable[Fetch]) -> None:
        """From now on these, and no others."""
        wanted = set(fetches)
        with self._lock:
            for fetch in self._fetchers.keys() - wanted:
                self._fetchers.pop(fetch).stop()
            for fetch in wanted - self._fetchers.keys():
                self._fetchers[fetch] = _Fetcher(self, fetch)
                self._fetchers[fetch].start()

    def wait(self, timeout_s: float) -> None:
        """Until each table has been tried once, or so long."""
        until = time.monotonic() + timeout_s
        with self._lock:
            fetchers = list(self._fetchers.values())
        for fetcher in fetchers:
            fetcher.tried.wait(max(0.0, until - time.monotonic()))

    def close(self) -> None:
        """Nobody is waited for: a query may take long."""
        self.follow(())

    def fetch(self, fetch: Fetch, origin: Origin) -> None:
        """Fetch once. Raises Unavailable."""
        path, rows = copy_path(self._state_dir, fetch.table), origin.rows()
        self._metrics.add("table_fetches_total", 1, (("outcome", "ok"), ("table", fetch.table)))
        if self._disk.read(path) != rows:
            self._disk.write(path, rows)
            self._log.info("table_fetched", table=fetch.table, rows=rows.count(b"\n"))
            self._changed()
        else:
            with suppress(OSError):
                os.utime(path)

    def failed(self, fetch: Fetch, reason: str) -> None:
        self._metrics.add("table_fetches_total", 1, (("outcome", "failed"), ("table", fetch.table)))
        self._log.warning("table_not_fetched", table=fetch.table, reason=reason, in_force="the rows fetched last")


class _Fetcher(threading.Thread):
    """Fetches one table until it is stopped. After a failure it tries again sooner than `every`."""

    def __init__(self, tables: Tables, fetch: Fetch) -> None:
        super().__init__(name=f"table-{fetch.table}", daemon=True)
        self._tables, self._fetch = tables, fetch
        self._stopped = threading.Event()
        self.tried = threading.Event()

    def run(self) -> None:
        every_s, retry_s = self._fetch.every_ms / 1000, _FIRST_RETRY_S
        origin: Origin | None = None
        while not self._stopped.is_set():
            wait_s = every_s
            try:
                origin = origin or self._tables.open_origin(self._fetch)
                self._tables.fetch(self._fetch, origin)
                retry_s = _FIRST_RETRY_S
            except Exception as error:
                expected = isinstance(error, Unavailable)
                self._tables.failed(self._fetch, str(error) if expected else f"a bug: {error!r}")
                wait_s, retry_s = min(retry_s, every_s), min(_MOST_RETRY_S, 2 * retry_s)
            self.tried.set()
            self._stopped.wait(wait_s)
        if origin is not None:
            origin.close()

    def stop(self) -> None:
        self._stopped.set()
