"""A change of rules on a host without shard 0: its workers unpack, hold still, and switch as the order says.

They hold still as long as the order stands, and only a host that is silent for a minute is not waited for: what it
might have decided is in the store by then.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from streamwatchd.daemon.contents import ContentStore
from streamwatchd.daemon.hosts import Hosts
from streamwatchd.daemon.logs import Log
from streamwatchd.daemon.orders import Order, Reply
from streamwatchd.errors import StateMismatch, Unavailable
from streamwatchd.ports.clock import Clock
from streamwatchd.shard.control import Change, Command, Go, Have, Held, Hold, Next
from streamwatchd.shard.version import Version

_SILENT_S = 60.0
_AGAIN_S = 2.0


class Following:
    """`step` between two turns of the supervisor; `tell` sends a command to every worker here."""

    def __init__(
        self, hosts: Hosts, store: ContentStore, tell: Callable[[Command], None], clock: Clock, log: Log
    ) -> None:
        self._hosts = hosts
        self._store = store
        self._tell = tell
        self._clock = clock
        self._log = log
        self._order: Order | None = None
        self._ended = 0
        self._offered = False
        self._have: set[int] = set()
        self._held: dict[int, Held] = {}
        self._tell_at = 0.0

    @property
    def holds(self) -> bool:
        """A worker that starts now takes no records before it is told."""
        return self._order is not None and self._order.ticket > 0

    def step(self, here: Collection[int]) -> None:
        """`here` are the shards of this host."""
        order, mine = self._hosts.orders.seen, self._order
        if mine is not None and (order is None or order.number != mine.number or order.over):
            self._end(mine, order.decided if order is not None and order.number == mine.number else None)
        elif mine is not None and self._hosts.is_silent(mine.host, _SILENT_S):
            self._log.warning("change_given_up", reason=f"{mine.host} is silent")
            self._end(mine, None)
        elif order is not None and not order.over and order.host != self._hosts.name and order.number > self._ended:
            self._follow(order, here)

    def _follow(self, order: Order, here: Collection[int]) -> None:
        if self._order is None:
            self._offered, self._have, self._held, self._tell_at = False, set(), {}, 0.0
            self._hosts.hurry = True
        self._order = order
        now = self._clock.monotonic()
        if not self._offered:
            self._offered = True
            self._tell(Next(self._store.content(order.digest)))
        if order.ticket and now >= self._tell_at and not self._all_held(here):
            self._tell_at = now + _AGAIN_S
            self._tell(Hold(order.ticket))

    def _all_held(self, here: Collection[int]) -> bool:
        return all(shard in self._held for shard in here)

    def on_have(self, have: Have) -> None:
        if self._order is not None and have.digest == self._order.digest:
            self._have.add(have.shard)

    def on_held(self, held: Held) -> None:
        if self._order is not None and held.ticket == self._order.ticket:
            self._held.setdefault(held.shard, held)

    def reply(self, running: Collection[int]) -> Reply:
        """For this host's next word."""
        shards, newest = tuple(sorted(running)), self._store.versions[-1].number
        if self._order is None:
            return Reply(shards, newest)
        held = tuple((each.shard, each.ticket, each.horizon_ms) for each in self._held.values())
        return Reply(shards, newest, self._order.number, tuple(sorted(self._have)), held)

    def _end(self, order: Order, decided: Version | None) -> None:
        """Switch to what was decided, or go on as before."""
        if decided is not None and decided.number > self._store.versions[-1].number:
            try:
                self._store.adopt([decided])
            except (Unavailable, StateMismatch) as error:
                self._log.error("change_waits", reason=f"the version can't be taken over, all hold still: {error}")
                return
            self._tell(Change(decided))
            named = {"version": decided.number, "at_ms": decided.at_ms, "content": decided.digest}
            self._log.info("rules_switched", **named, **self._store.changed_files(decided))
        else:
            self._tell(Go())
        self._ended, self._order, self._hosts.hurry = order.number, None, False
