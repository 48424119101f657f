"""Edits of `streamwatchd.yaml` under a running daemon: they wait for a restart, which is told once."""

from __future__ import annotations

import os
from pathlib import Path

from streamwatchd.daemon.logs import Log
from streamwatchd.daemon.metrics import Metrics
from streamwatchd.errors import RuleSetRejected
from streamwatchd.rules.files import read_content
from streamwatchd.rules.settings_change import setting_changes, written_settings


class PendingSettings:
    """What differs between the file that this run goes by and the one on disk, as of the last look."""

    def __init__(self, config: Path, running: bytes, log: Log, metrics: Metrics) -> None:
        """`running` is the content of `config` that this run goes by."""
        self._config, self._running = config, running
        self._log, self._metrics = log, metrics
        self._metrics.put("pending_settings", 0)
        self._sentences: tuple[str, ...] = ()

    def sentences(self) -> tuple[str, ...]:
        """One for each setting that has another value from the next start on, such as `shards: 2 → 3`."""
        return self._sentences

    def look(self) -> None:
        """Compare with the file as it is now; told is what is new since the last look."""
        found = self._found()
        if found == self._sentences:
            return
        self._sentences = found
        self._metrics.put("pending_settings", len(found))
        if found:
            self._log.warning("restart_awaited", settings=list(found), hint="a reload leaves the settings as they are")
        else:
            self._log.info("settings_taken_back")

    def _found(self) -> tuple[str, ...]:
        content = read_content(str(self._config))
        if content == self._running:
            return ()
        try:
            if not isinstance(content, bytes):
                raise RuleSetRejected((content,))
            running, now = (written_settings(self._config, each, os.environ) for each in (self._running, content))
        except RuleSetRejected as rejected:
            return (f"nothing, {self._config.name} does not check: {rejected.diagnostics[0].message}",)
        return tuple(map(str, setting_changes(running, now)))
