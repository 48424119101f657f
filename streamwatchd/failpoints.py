"""Named places at which a test kills, breaks or holds up the daemon. Nothing happens there unless a variable says so:

    STREAMWATCHD_FAILPOINTS="epoch.sent=kill@3; disk.synced(.snapshot)=raise; epoch.committing=kill_in:5@2"

Each entry is `point=action`, or `point(text)=action` where the point's detail must hold the text; with `@n` the action
comes at the n-th pass, without it at the first, and once in either case: a process that is started again counts anew,
so STREAMWATCHD_FAILPOINTS_FIRED names a folder that keeps a file of each point that has fired, over all processes.

| action | what happens |
| --- | --- |
| `kill` | SIGKILL to this process |
| `kill_in:MS` | SIGKILL some milliseconds later, while the process goes on |
| `raise` | OSError (EIO) |
| `delay:MS` | this thread waits |
| `hang` | this thread never goes on |
"""

from __future__ import annotations

import errno
import os
import re
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

VARIABLE = "STREAMWATCHD_FAILPOINTS"
FIRED = "STREAMWATCHD_FAILPOINTS_FIRED"

POINTS = {
    "worker.evaluated": "records were taken in, nothing of them is on its way",
    "journal.appending": "an epoch is sealed, its record is not yet in the local log",
    "journal.appended": "… and now it is; its transaction is on its way",
    "epoch.begun": "the transaction has begun",
    "epoch.sent": "outputs and journal record were handed over, offsets not",
    "epoch.offsets_sent": "the offsets are part of the transaction, its end was not asked for",
    "epoch.committing": "the end of the transaction is asked for next",
    "epoch.committed": "Kafka has said that it is committed, the worker has not acted on it",
    "epoch.rebuilding": "the end of a transaction was doubtful, a new producer comes next",
    "journal.rolled": "a snapshot is due, the next record begins a segment",
    "snapshot.writing": "the state is copied, its file comes next",
    "snapshot.written": "the file is there, older ones are not dropped yet",
    "journal.pruning": "a segment that no snapshot needs is deleted next",
    "disk.writing": "a file is replaced next (detail: its path)",
    "disk.written": "the temporary file has all bytes, none of them durable (detail: path)",
    "disk.synced": "the temporary file is durable (detail: path)",
    "disk.renamed": "it has its name, which is not durable (detail: path)",
    "disk.appending": "bytes are added to a file next (detail: path)",
    "disk.appended": "they were added (detail: path)",
    "disk.deleting": "a file goes next (detail: path)",
    "switch.beginning": "a new version was heard of, the state has the old one",
    "switch.filled": "windows of new rules have what was retained, the journal does not know of it",
    "switch.made": "the state has the new one, the journal does not know of it",
    "version.deciding": "all workers hold still, the instant is known, nothing is on disk",
    "version.stored": "the contents are on disk, the version that names them is not",
    "version.decided": "the version is on disk, no worker has heard of it",
    "version.told": "the workers were told",
    "recovery.locked": "the state folder is held, the old producer is not fenced yet",
    "recovery.fenced": "older producers are fenced, what they left open is settled",
    "recovery.claimed": "the committed offsets name this daemon as the owner, with nothing else changed",
    "recovery.restored": "a snapshot was restored",
    "recovery.replayed": "the state stands at the last committed epoch",
    "move.fenced": "the number of shards changes: other movers are fenced, every shard is as it was",
    "move.closing": "one more shard of the old layout is closed next (detail: its number)",
    "move.closed": "all shards of the old layout are closed, nothing of the new one is written",
    "move.written": "the first snapshots of the new layout are there, the old layout is in force",
    "move.sent": "all offsets are part of the transaction, its end was not asked for",
    "move.committed": "Kafka has said that the new layout is in force",
    "leaving.settled": "told to stop: the last epoch is committed, the last snapshot is not written",
}
"""Every point, and what has happened there."""

_ENTRY = re.compile(r"([a-z_.]+)(?:\((.*?)\))?=([a-z_]+)(?::(\d+))?(?:@(\d+))?")
_ACTIONS = ("kill", "kill_in", "raise", "delay", "hang")


@dataclass(slots=True)
class _Armed:
    """One entry; `passes` are counted down to 0, where it strikes."""

    point: str
    detail: str
    action: str
    ms: int
    passes: int


@dataclass(slots=True)
class Plan:
    """What is armed. `kill` ends the process; tests in memory put something else in its place."""

    armed: list[_Armed]
    fired_folder: Path | None = None
    kill: Callable[[], None] = field(default=lambda: os.kill(os.getpid(), signal.SIGKILL))
    fired: list[str] = field(default_factory=list)

    @classmethod
    def parse(cls, text: str, fired_folder: str = "") -> Plan:
        """Raises ValueError for what is no plan, and for a point that is not there."""
        armed = [_entry(part.strip()) for part in text.split(";") if part.strip()]
        return cls(armed, Path(fired_folder) if fired_folder else None)

    def reach(self, point: str, detail: object) -> None:
        for each in list(self.armed):
            if each.point == point and each.detail in str(detail):
                each.passes -= 1
                if each.passes == 0:
                    self.armed.remove(each)
                    if self._is_first(point):
                        self.fired.append(point)
                        self._strike(each)

    def _is_first(self, point: str) -> bool:
        if self.fired_folder is None:
            return True
        try:
            (self.fired_folder / point).touch(exist_ok=False)
        except FileExistsError:
            return False
        return True

    def _strike(self, armed: _Armed) -> None:
        match armed.action:
            case "kill":
                self.kill()
            case "kill_in":
                threading.Timer(armed.ms / 1000, self.kill).start()
            case "raise":
                raise OSError(errno.EIO, f"{os.strerror(errno.EIO)} (failpoint {armed.point})")
            case "delay":
                time.sleep(armed.ms / 1000)
            case _:
                threading.Event().wait()


def _entry(text: str) -> _Armed:
    found = _ENTRY.fullmatch(text)
    if found is None or found[3] not in _ACTIONS:
        raise ValueError(f"{VARIABLE}: {text!r} is not point=action; actions are {', '.join(_ACTIONS)}")
    if found[1] not in POINTS:
        raise ValueError(f"{VARIABLE}: there is no point {found[1]!r}; there are {', '.join(POINTS)}")
    return _Armed(found[1], found[2] or "", found[3], int(found[4] or 0), int(found[5] or 1))


def _of_environment() -> Plan | None:
    text = os.environ.get(VARIABLE, "")
    return Plan.parse(text, os.environ.get(FIRED, "")) if text else None


plan: Plan | None = _of_environment()
"""None but in tests."""


def failpoint(point: str, detail: object = "") -> None:
    """Go on, unless a test has armed this point."""
    if plan is not None:
        plan.reach(point, detail)
