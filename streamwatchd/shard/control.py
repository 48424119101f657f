"""What supervisor and worker say to each other, besides reports."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from streamwatchd.ports.telemetry import Telemetry
from streamwatchd.shard.version import Content, Version


@dataclass(frozen=True, slots=True)
class Next:
    """What will be put in force soon: to be unpacked beside the work, before anybody holds still for it."""

    content: Content


@dataclass(frozen=True, slots=True)
class Have:
    """The worker has unpacked it, and read almost all that it will fill windows with."""

    shard: int
    digest: str


@dataclass(frozen=True, slots=True)
class Hold:
    """Take no more records, and say `Held`: an instant for a change is being set."""

    ticket: int


@dataclass(frozen=True, slots=True)
class Go:
    """Take records again."""


@dataclass(frozen=True, slots=True)
class Change:
    """A new version is decided (and on disk): journal it, switch to its content, and go on."""

    version: Version


@dataclass(frozen=True, slots=True)
class Paces:
    """Per topic the watermark that idle partitions may take over; per shard the least watermark of those of its
    partitions that catch up."""

    watermarks_ms: Mapping[str, int]
    least_ms: Mapping[int, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Stop:
    """Finish the epoch, write a snapshot, leave."""


@dataclass(frozen=True, slots=True)
class Save:
    """Finish the epoch, and write the state behind it to the savepoint at `url`; answer `Saved`."""

    ticket: int
    url: str


@dataclass(frozen=True, slots=True)
class Ask:
    """Say what is known of a rule and a key (`shard.insight`), without `rule` which alarms are up; answer `Told`."""

    ticket: int
    rule: str = ""
    key: Mapping[str, str] = field(default_factory=dict)
    most: int = 0
    """So many alarms at most."""


Command = Next | Hold | Go | Change | Paces | Save | Ask | Stop


@dataclass(frozen=True, slots=True)
class Told:
    """JSON-like answers; `total` alarms are up in all. `problem` says why there is no answer."""

    shard: int
    ticket: int
    answers: tuple[Mapping[str, Any], ...] = ()
    late: Mapping[str, Any] | None = None
    total: int = 0
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Saved:
    """The state behind `epoch` is there (0: there is none yet), or `problem` says why not."""

    shard: int
    ticket: int
    epoch: int
    bytes: int
    problem: str = ""


@dataclass(frozen=True, slots=True)
class Held:
    """The worker holds still; every event time and watermark it knows is at or below `horizon_ms`."""

    shard: int
    ticket: int
    horizon_ms: int


class Link(Telemetry, Protocol):
    """A worker's wire to its supervisor."""

    def commands(self) -> Sequence[Command]:
        """What came since the last call. The supervisor's death reads as `Stop`."""

    def have(self, have: Have) -> None: ...

    def held(self, held: Held) -> None: ...

    def saved(self, saved: Saved) -> None: ...

    def told(self, told: Told) -> None: ...

    def content(self, digest: str) -> Content:
        """Ask for kept content; raises StateMismatch when it is kept no more."""
