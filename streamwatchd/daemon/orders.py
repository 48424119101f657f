"""A change of rules on several hosts: the control record of the host with shard 0, a file of the shared store.

    <app>/change      which content is to come, whether to hold still for it, and how it ended

It is read by all hosts, every two seconds, and ever so often while a change is under way; answers are in the hosts' own
words (`hosts.Hosts`). The record that ends an order decides: it has the version and its instant, or none.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec

from streamwatchd.errors import StateMismatch
from streamwatchd.ports.files import Files
from streamwatchd.shard.version import Version

_FILE = "change"


class Order(msgspec.Struct, frozen=True):
    """`number` names the try, `ticket` the demand to hold still (0: none yet). `over`: made or given up; made where
    there is a `version`, which is in force from `at_ms` on."""

    host: str
    number: int
    digest: str
    ticket: int = 0
    over: bool = False
    version: int = 0
    at_ms: int = 0

    @property
    def decided(self) -> Version | None:
        return Version(self.version, self.at_ms, self.digest) if self.over and self.version else None


@dataclass(frozen=True, slots=True)
class Reply:
    """What a host says: `running` are its shards at work, `version` is the newest it knows; to the order `number`, the
    shards that have the content, and (shard, ticket, horizon) of those that hold still."""

    running: tuple[int, ...] = ()
    version: int = 0
    number: int = 0
    have: tuple[int, ...] = ()
    held: tuple[tuple[int, int, int], ...] = ()


class Orders:
    """`beat` is called in the thread of the hosts, all else in the supervisor's."""

    def __init__(self, files: Files, folder: Path, host: str) -> None:
        self._files, self._folder, self._host = files, folder, host
        self._jobs: deque[Callable[[], None]] = deque()
        self._raw: bytes | None = None
        self.seen: Order | None = None
        """The order that was read last; its content is at hand."""
        self.fetch: Callable[[str], None] = lambda digest: None
        """Have the content in this state folder, compiled. Raises Unavailable, StateMismatch."""
        self.say: Callable[[str], None] = lambda reason: None
        self.wake: Callable[[], None] = lambda: None
        """There is something to write; from the supervisor's thread."""

    def give(
        self, order: Order, files: Mapping[str, bytes] | None = None, done: Callable[[], None] = lambda: None
    ) -> None:
        """Write the files (by name below the application's folder), then the order; as often as it takes, for nobody
        knows whether a write that failed has come through."""

        def write() -> None:
            for name, data in (files or {}).items():
                self._files.write(self._folder / name, data)
            self._files.write(self._folder / _FILE, msgspec.json.encode(order))
            done()

        self._jobs.append(write)
        self.wake()

    def clear(self) -> None:
        """Give up what another host began and will not end any more."""

        def write() -> None:
            order = self.read()
            if order is not None and not order.over:
                given_up = msgspec.structs.replace(order, over=True)
                self._files.write(self._folder / _FILE, msgspec.json.encode(given_up))

        self._jobs.append(write)

    def read(self) -> Order | None:
        """As it is in the store, None where there is none that can be read. Raises Unavailable."""
        data = self._files.read(self._folder / _FILE)
        try:
            return None if data is None else msgspec.json.decode(data, type=Order)
        except msgspec.DecodeError:
            return None

    def beat(self) -> None:
        """Raises Unavailable: the next one goes on where this one stopped."""
        while self._jobs:
            self._jobs[0]()
            self._jobs.popleft()
        order = self.read()
        if order is None or order == self.seen:
            return
        if not order.over and order.host != self._host and (self.seen is None or order.digest != self.seen.digest):
            try:
                self.fetch(order.digest)
            except StateMismatch as error:
                self.say(f"no change of rules is made, as this host can't follow it: {error}")
                return
        self.seen = order
