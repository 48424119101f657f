"""Families of errors, each named by who reacts to it and how.

Anything that is none of these is a bug: the worker leaves and the supervisor restarts it.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from streamwatchd.diagnostics import Diagnostic


class StreamwatchdError(Exception):
    """Root of the families below."""


class RuleSetRejected(StreamwatchdError):
    """The configuration does not check: keep the old one, show `diagnostics`."""

    def __init__(self, diagnostics: tuple[Diagnostic, ...]) -> None:
        super().__init__(f"{len(diagnostics)} problem(s) in the configuration")
        self.diagnostics = diagnostics


class BadRecord(StreamwatchdError):
    """One record is not valid: send it to the dead letters with `reason` and go on."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Unavailable(StreamwatchdError):
    """A broker, disk or server does not answer now: pause, back off, retry."""


class Taken(Unavailable):
    """Another process holds the lock."""


class Fenced(StreamwatchdError):
    """Another owner took over this shard: leave and do not restart."""


class StateMismatch(StreamwatchdError):
    """Committed offsets and local state do not fit together: stop and tell the operator what to do."""


class SnapshotCorrupt(StreamwatchdError):
    """This snapshot can't be trusted: take an older one."""


class ModelRejected(StreamwatchdError):
    """A version of a model can't be trusted or does not fit: the last good version goes on."""


class UnreadableInput(StreamwatchdError):
    """A file or stream named on the command line can't be read: exit code 2."""


def how_to_install(package: str) -> str:
    """The command that puts a package beside this one."""
    return f"{sys.executable} -m pip install '{package}'"
