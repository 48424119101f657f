"""The audit: what changed the daemon's work, and who said so; one JSON object a line in the state folder.

<state>/audit.ndjson       newest last; past `MOST_BYTES` it becomes
<state>/audit.1.ndjson     the one before it, which goes when the next one is full
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from streamwatchd.daemon.logs import Log
from streamwatchd.errors import Unavailable
from streamwatchd.operators.document import iso
from streamwatchd.ports.clock import Clock
from streamwatchd.ports.disk import Disk

NAME, BEFORE = "audit.ndjson", "audit.1.ndjson"
MOST_BYTES = 4 << 20
AUDITED = frozenset((
    *("daemon_started", "daemon_left", "accepted", "versions_rebuilt"),
    *("rules_switched", "file_refused", "file_accepted", "reload_refused", "rule_refused", "model_refused"),
    *("model_rolled_back", "table_fetched", "savepoint_written"),
    *("silence_began", "silence_ended", "alarm_acknowledged", "disposition_taken"),
    *("shards_moved", "shards_taken_over", "shard_let_go", "change_given_up"),
))  # fmt: skip
"""Events of the log that are kept."""


class AuditedLog:
    """A log that keeps what changes the daemon's work. A disk that does not take it holds nothing up: the log says so,
    once until it does again."""

    def __init__(self, log: Log, disk: Disk, folder: Path, clock: Clock) -> None:
        self._log, self._disk, self._folder, self._clock = log, disk, folder, clock
        self._writing = threading.Lock()
        self._is_torn = True
        self._failed = False

    def debug(self, event: str, **fields: Any) -> None:
        self._log.debug(event, **fields)

    def info(self, event: str, **fields: Any) -> None:
        self._log.info(event, **fields)
        self._keep(event, fields)

    def warning(self, event: str, **fields: Any) -> None:
        self._log.warning(event, **fields)
        self._keep(event, fields)

    def error(self, event: str, **fields: Any) -> None:
        self._log.error(event, **fields)
        self._keep(event, fields)

    def _keep(self, event: str, fields: dict[str, Any]) -> None:
        if event not in AUDITED:
            return
        line = json.dumps({"at": iso(self._clock.now_ms()), "event": event, **fields}, ensure_ascii=False, default=str)
        with self._writing:
            try:
                self._append(line.encode() + b"\n")
                self._failed = self._is_torn = False
            except Unavailable as error:
                self._is_torn = True
                if not self._failed:
                    self._log.warning("audit_not_written", reason=str(error))
                self._failed = True

    def _append(self, line: bytes) -> None:
        """What was before may have ended in the middle of a line."""
        path = self._folder / NAME
        if (self._disk.size(path) or 0) > MOST_BYTES:
            self._disk.rename(path, self._folder / BEFORE)
        self._disk.append(path, (b"\n" if self._is_torn else b"") + line, durable=True)


def newest(disk: Disk, folder: Path, most: int, events: Iterable[str] = ()) -> list[dict[str, Any]]:
    """The last lines, oldest first; of some events alone, if any are given. Raises Unavailable."""
    wanted, found = frozenset(events), list[dict[str, Any]]()
    for name in (NAME, BEFORE):
        for text in reversed((disk.read(folder / name) or b"").split(b"\n")):
            line = _line(text)
            if line is not None and (not wanted or line["event"] in wanted):
                found.append(line)
            if len(found) == most:
                return found[::-1]
    return found[::-1]


def _line(text: bytes) -> dict[str, Any] | None:
    """None for what is torn."""
    try:
        line = json.loads(text)
    except ValueError:
        return None
    return line if isinstance(line, dict) and "event" in line else None
