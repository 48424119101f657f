"""How a new version is put in force everywhere at one event-time instant.

    propose ─▶ every worker runs? ─▶ Next to all ─▶ all Have it, content on disk ─┐
       ┌──────────────────────────────────────────────────────────────────────────┘
       └─▶ Hold to all ─▶ all Held ─▶ E above every horizon ─▶ version on disk ─▶ Change to all
               └─ one dies, or does not answer: Go to all, and try again later

Held workers take in no record, so no event time at or above E can have met the old rules; what takes time is done
before they hold. Once the version is on disk it holds: a worker that dies before it hears of it finds it in its
assignment.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from streamwatchd.daemon.contents import Bundle, ContentStore
from streamwatchd.daemon.logs import Log
from streamwatchd.errors import Unavailable
from streamwatchd.failpoints import failpoint
from streamwatchd.ports.clock import Clock
from streamwatchd.shard.control import Change, Command, Go, Have, Held, Hold, Next
from streamwatchd.shard.version import Content

_ANSWER_S = 15.0
_RETRY_S = 2.0


@dataclass(frozen=True, slots=True)
class Proposal:
    content: Content
    bundle: Bundle


@dataclass(slots=True)
class _Handing:
    """`missing` are the shards that have not unpacked the content yet."""

    proposal: Proposal
    since: float
    shards: frozenset[int]
    missing: set[int]


@dataclass(slots=True)
class _Collecting:
    ticket: int
    proposal: Proposal
    since: float
    shards: frozenset[int]
    horizons_ms: dict[int, int] = field(default_factory=dict)


class Changes:
    """One change at a time; of several proposals the newest is made."""

    def __init__(self, store: ContentStore, clock: Clock, tell: Callable[[Command], None], log: Log) -> None:
        """`tell` sends a command to every worker."""
        self._store = store
        self._clock = clock
        self._tell = tell
        self._log = log
        self._wanted: Proposal | None = None
        self._handing: _Handing | None = None
        self._collecting: _Collecting | None = None
        self._not_before = 0.0
        self._ticket = 0
        self.made = 0

    @property
    def wanted(self) -> Proposal | None:
        """What is proposed and not yet in force."""
        return self._wanted

    def propose(self, proposal: Proposal) -> bool:
        """False when that is in force already, or will be."""
        in_force = self._store.versions[-1].digest if self._store.versions else ""
        if proposal.content.digest == (self._wanted.content.digest if self._wanted else in_force):
            return False
        self._wanted = None if proposal.content.digest == in_force else proposal
        return True

    def step(self, running: Collection[int], shards: int) -> None:
        """Go on as far as the workers are: `running` are the shards that do their normal work."""
        now = self._clock.monotonic()
        if self._collecting is not None:
            if now - self._collecting.since > _ANSWER_S:
                self._let_go("a worker did not answer in time")
        elif self._wanted is None or len(running) < shards or now < self._not_before:
            return
        elif self._handing is None or self._handing.proposal is not self._wanted:
            self._hand_out(self._wanted, frozenset(running))
        elif not self._handing.missing:
            self._ticket += 1
            self._collecting = _Collecting(self._ticket, self._wanted, now, self._handing.shards)
            self._handing = None
            self._tell(Hold(self._ticket))
        elif now - self._handing.since > _ANSWER_S:
            self._postpone("a worker did not unpack the rules in time")

    def _hand_out(self, proposal: Proposal, shards: frozenset[int]) -> None:
        """Everything that takes time and holds nobody up."""
        try:
            self._store.keep(proposal.content, proposal.bundle)
        except Unavailable as error:
            self._postpone(f"the rules can't be written: {error}")
            return
        self._handing = _Handing(proposal, self._clock.monotonic(), shards, set(shards))
        self._tell(Next(proposal.content))

    def on_have(self, have: Have) -> None:
        if self._handing is not None and self._handing.proposal.content.digest == have.digest:
            self._handing.missing.discard(have.shard)

    def on_held(self, held: Held) -> None:
        collecting = self._collecting
        if collecting is None or held.ticket != collecting.ticket:
            return
        collecting.horizons_ms[held.shard] = held.horizon_ms
        if collecting.horizons_ms.keys() >= collecting.shards:
            self._decide(collecting)

    def on_worker_lost(self, shard: int) -> None:
        """An instant can't be set without its answer; it comes back with the versions decided so far."""
        self._handing = None
        if self._collecting is not None:
            self._let_go(f"shard {shard} was lost")

    def _decide(self, collecting: _Collecting) -> None:
        at_ms = max(0, max(collecting.horizons_ms.values()) + 1)
        proposal = collecting.proposal
        failpoint("version.deciding")
        try:
            version = self._store.add(proposal.content, proposal.bundle, at_ms)
        except Unavailable as error:
            self._let_go(f"the version can't be written: {error}")
            return
        failpoint("version.decided")
        self._tell(Change(version))
        failpoint("version.told")
        self._collecting = None
        self.made += 1
        if self._wanted is proposal:
            self._wanted = None
        pause_ms = round((self._clock.monotonic() - collecting.since) * 1000)
        self._log.info("rules_switched", version=version.number, at_ms=at_ms, content=version.digest, pause_ms=pause_ms)

    def _let_go(self, reason: str) -> None:
        self._collecting = None
        self._tell(Go())
        self._postpone(reason)

    def _postpone(self, reason: str) -> None:
        self._handing = None
        self._not_before = self._clock.monotonic() + _RETRY_S
        self._log.warning("change_postponed", reason=reason)
