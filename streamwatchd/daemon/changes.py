"""How a new version is put in force everywhere at one event-time instant.

    propose ─▶ every worker runs? ─▶ Next to all ─▶ all Have it, content on disk ─┐
       ┌──────────────────────────────────────────────────────────────────────────┘
       └─▶ Hold to all ─▶ all Held ─▶ E above every horizon ─▶ version on disk ─▶ Change to all
               └─ one dies, or does not answer: Go to all, and try again later

Where several hosts share the shards, the one with shard 0 does this for all: what it tells goes to the others by
way of the shared store too (`peers`), and the version is there before it is on any disk.

Held workers take in no record, so no event time at or above E can have met the old rules; what takes time is done
before they hold. Once the version is on disk it holds: a worker that dies before it hears of it finds it in its
assignment.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from streamwatchd.daemon.contents import Bundle, ContentStore
from streamwatchd.daemon.filling import Filling
from streamwatchd.daemon.logs import Log
from streamwatchd.daemon.peers import Peers
from streamwatchd.errors import Unavailable
from streamwatchd.failpoints import failpoint
from streamwatchd.ports.clock import Clock
from streamwatchd.shard.control import Change, Command, Go, Have, Held, Hold, Next
from streamwatchd.shard.version import Content, Version

_ANSWER_S = 15.0
_RETRY_S = 2.0
_SAY_AGAIN_S = 60.0
"""The same reason for the same rules is logged once in so long."""

_DECIDES = "the host that works on shard 0 decides for all, and its files say something else: deploy them there too"


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

    def __init__(
        self, store: ContentStore, clock: Clock, tell: Callable[[Command], None], log: Log, peers: Peers | None = None,
        filling: Filling | None = None,
    ) -> None:  # fmt: skip
        """`tell` sends a command to every worker here, `peers` are the other hosts; `filling` says whether workers here
        get on with old records."""
        self._filling = filling or Filling()
        self._said: tuple[str, str] = "", ""
        self._said_at = 0.0
        self._postponed_for = ""
        self._peers = peers
        self._deciding: Version | None = None
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

    @property
    def postponed_for(self) -> str:
        """Why what is wanted could not be put in force at the last try; "" where nothing is in its way."""
        return self._postponed_for if self._wanted is not None else ""

    def settle(self) -> None:
        """What another host has put in force is proposed no more."""
        if self._wanted is not None and self._wanted.content.digest == self._store.versions[-1].digest:
            self._wanted = None

    def follow(self) -> None:
        """Where another host decides: what is proposed here waits until it has the same files."""
        self.settle()
        if self._wanted is not None:
            self._postponed_for = _DECIDES

    @property
    def is_deciding(self) -> bool:
        """All hold still while the version is written for all hosts: it can't be taken back."""
        return self._deciding is not None

    def propose(self, proposal: Proposal) -> bool:
        """False when that is in force already, or will be."""
        coming = self._coming()
        if proposal.content.digest == (self._wanted.content.digest if self._wanted else coming):
            return False
        self._wanted = None if proposal.content.digest == coming else proposal
        self._postponed_for = ""
        return True

    def _coming(self) -> str:
        """What is in force, or will be once those that hold still hear of it: that goes its way."""
        if self._collecting is not None:
            return self._collecting.proposal.content.digest
        return self._store.versions[-1].digest if self._store.versions else ""

    def step(self, running: Collection[int], shards: int) -> None:
        """Go on as far as the workers are: `running` are the shards that do their normal work."""
        now = self._clock.monotonic()
        self._hear_peers()
        if self._collecting is None:
            self.settle()
        if self._deciding is not None:
            self._conclude(self._deciding)
        elif self._collecting is not None:
            if now - self._collecting.since > _ANSWER_S:
                self._let_go("a worker did not answer in time")
            elif not self._collecting.shards <= set(running):
                self._let_go("a shard is not at work any more")
        elif self._wanted is None or len(running) < shards or now < self._not_before:
            return
        elif self._handing is None or self._handing.proposal is not self._wanted:
            self._hand_out(self._wanted, frozenset(running))
        elif not self._handing.missing:
            self._ticket += 1
            self._collecting = _Collecting(self._ticket, self._wanted, now, self._handing.shards)
            self._handing = None
            self._tell(Hold(self._ticket))
            if self._peers is not None:
                self._peers.hold(self._ticket)
        elif now - self._handing.since > _ANSWER_S:
            self._ask_again(now)

    def _ask_again(self, now: float) -> None:
        """Not all are ready. Who is keeps what it has read as long as it is asked."""
        if not self._filling.goes_on(now):
            self._postpone("a worker is not ready yet: it unpacks the rules, or reads old records for their windows")
            return
        self._retry(now)
        if self._is_news("windows are filled"):
            self._log.info("windows_filling", left_records=self._filling.left)

    def _hear_peers(self) -> None:
        for reply in self._peers.replies() if self._peers is not None else ():
            match reply:
                case Have():
                    self.on_have(reply)
                case Held():
                    self.on_held(reply)

    def _hand_out(self, proposal: Proposal, shards: frozenset[int]) -> None:
        """Everything that takes time and holds nobody up."""
        try:
            self._store.keep(proposal.content, proposal.bundle)
        except Unavailable as error:
            self._postpone(f"the rules can't be written: {error}")
            return
        self._handing = _Handing(proposal, self._clock.monotonic(), shards, set(shards))
        self._tell(Next(proposal.content))
        if self._peers is not None:
            self._peers.offer(proposal.content.digest, proposal.bundle.encode(proposal.content.digest))

    def on_have(self, have: Have) -> None:
        if self._handing is not None and self._handing.proposal.content.digest == have.digest:
            self._handing.missing.discard(have.shard)

    def on_held(self, held: Held) -> None:
        collecting = self._collecting
        if collecting is None or held.ticket != collecting.ticket or self._deciding is not None:
            return
        collecting.horizons_ms[held.shard] = held.horizon_ms
        if collecting.horizons_ms.keys() >= collecting.shards:
            self._decide(collecting)

    def on_worker_lost(self, shard: int) -> None:
        """An instant can't be set without its answer; it comes back with the versions decided so far."""
        self._handing = None
        if self._collecting is not None and self._deciding is None:
            self._let_go(f"shard {shard} was lost")

    def _decide(self, collecting: _Collecting) -> None:
        at_ms = max(0, max(collecting.horizons_ms.values()) + 1)
        failpoint("version.deciding")
        if self._peers is None:
            self._put_in_force(collecting, at_ms)
            return
        number, digest = self._store.versions[-1].number + 1, collecting.proposal.content.digest
        self._deciding = Version(number, at_ms, digest)
        self._peers.publish(self._deciding)

    def _conclude(self, version: Version) -> None:
        """Once the shared store has the version: put it in force here, and let the others."""
        collecting = self._collecting
        assert collecting is not None
        assert self._peers is not None
        if self._peers.is_published(version) and self._put_in_force(collecting, version.at_ms):
            self._deciding = None

    def _put_in_force(self, collecting: _Collecting, at_ms: int) -> bool:
        """False where the disk does not take it."""
        proposal = collecting.proposal
        try:
            version = self._store.add(proposal.content, proposal.bundle, at_ms)
        except Unavailable as error:
            if self._deciding is None:
                self._let_go(f"the version can't be written: {error}")
            return False
        failpoint("version.decided")
        self._tell(Change(version))
        failpoint("version.told")
        self._collecting = None
        self._postponed_for = ""
        self.made += 1
        if self._wanted is proposal:
            self._wanted = None
        pause_ms = round((self._clock.monotonic() - collecting.since) * 1000)
        files = self._store.changed_files(version)
        self._log.info(
            "rules_switched", version=version.number, at_ms=at_ms, content=version.digest, pause_ms=pause_ms, **files
        )
        return True

    def _let_go(self, reason: str) -> None:
        if self._wanted is None and self._collecting is not None:
            self._wanted = self._collecting.proposal
        self._collecting = None
        self._tell(Go())
        self._postpone(reason)

    def _postpone(self, reason: str) -> None:
        self._retry(self._clock.monotonic() + _RETRY_S)
        self._postponed_for = reason
        if self._is_news(reason):
            self._log.warning("change_postponed", reason=reason)

    def _retry(self, at: float) -> None:
        self._handing = None
        if self._peers is not None:
            self._peers.give_up()
        self._not_before = at

    def _is_news(self, reason: str) -> bool:
        """Whether it has not just been said of the same rules."""
        said, now = (self._wanted.content.digest if self._wanted else "", reason), self._clock.monotonic()
        if said == self._said and now - self._said_at < _SAY_AGAIN_S:
            return False
        self._said, self._said_at = said, now
        return True
