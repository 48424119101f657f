"""Several hosts share the shards of one application: who works on which, how far, and whose word has run out.

Each host writes a file of its own into the shared snapshot store, `<app>/hosts/<host>`, every two seconds, and reads
those of the others. That decides only who tries: a shard that two hosts try is the later one's, as Kafka fences the
other. A host whose word has not changed for `take_over_after`, by our own clock and while the store answers, is taken
for dead, and its shards are taken over; without that setting only by command.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from hashlib import sha256

import msgspec

from streamwatchd.daemon.logs import Log
from streamwatchd.daemon.orders import Orders, Reply
from streamwatchd.errors import Unavailable
from streamwatchd.ports.clock import Clock
from streamwatchd.settings import Settings
from streamwatchd.shard.idle import Standing
from streamwatchd.shard.shared import SharedStore

_BEAT_S, _HURRIED_S = 2.0, 0.1
_FRESH_S = 15.0

Task = tuple[int, str, int]


class _Beat(msgspec.Struct, frozen=True):
    """`beats` makes every one another; `standings` are watermark and idleness of source partitions."""

    host: str
    beats: int
    shards: list[int]
    standings: list[tuple[int, str, int, int, bool]]
    running: list[int] = []
    version: int = 0
    order: int = 0
    have: list[int] = []
    held: list[tuple[int, int, int]] = []


@dataclass(frozen=True, slots=True)
class Heard:
    """What another host said last, and when by our clock that was new."""

    host: str
    shards: tuple[int, ...]
    standings: Mapping[Task, Standing]
    at: float
    reply: Reply = field(default_factory=Reply)


def host_name(settings: Settings) -> str:
    """Of this machine and state folder: two daemons of one machine are two hosts."""
    return f"{socket.gethostname()}-{sha256(str(settings.state_dir).encode()).hexdigest()[:8]}"


class Hosts:
    """`beat` does one round: write, read, judge. `take_over` is called with the shards of a host that fell silent."""

    def __init__(self, shared: SharedStore, settings: Settings, clock: Clock, log: Log) -> None:
        self.name = host_name(settings)
        self._files, self._folder = shared.files, shared.folder / "hosts"
        self._lease_s = settings.take_over_after_ms / 1000
        self._clock = clock
        self._log = log
        self._beats = clock.now_ms()
        self._said: tuple[list[int], Mapping[Task, Standing], Reply] = ([], {}, Reply())
        self.orders = Orders(shared.files, shared.folder, self.name)
        self.orders.say = lambda reason: log.warning("change_not_followed", reason=reason)
        self.hurry = False
        """A change of rules is under way: all hosts speak and listen often."""
        self._raw: dict[str, bytes] = {}
        self._heard: dict[str, Heard] = {}
        self._closed, self._woken = threading.Event(), threading.Event()
        self.orders.wake = self._woken.set
        self.take_over: Callable[[tuple[int, ...], str], None] = lambda shards, host: None

    def say(self, shards: Iterable[int], standings: Mapping[Task, Standing], reply: Reply | None = None) -> None:
        """What the next beat says of us."""
        self._said = (sorted(shards), dict(standings), reply or Reply())

    @property
    def heard(self) -> dict[str, Heard]:
        """The last word of every other host."""
        return dict(self._heard)

    def is_fresh(self, heard: Heard) -> bool:
        """It has spoken a moment ago."""
        return self._clock.monotonic() - heard.at <= _FRESH_S

    def is_silent(self, name: str, seconds: float) -> bool:
        """A host whose word is that old, while the store answers; one that was never heard is not."""
        heard = next((each for each in self.heard.values() if each.host == name), None)
        return heard is not None and self._clock.monotonic() - heard.at > seconds

    def standings(self) -> dict[Task, Standing]:
        """Of source partitions that other hosts work on; where one is silent, its partitions are not idle to us."""
        found: dict[Task, Standing] = {}
        for each in sorted(self.heard.values(), key=lambda heard: heard.at):
            fresh = self.is_fresh(each)
            found |= {task: Standing(s.watermark_ms, s.idle and fresh) for task, s in each.standings.items()}
        return found

    def beat(self) -> None:
        """Raises Unavailable."""
        self._write()
        self._listen()
        self.orders.beat()
        self._judge()

    def _write(self) -> None:
        shards, standings, reply = self._said
        self._beats += 1
        rows = [(*task, each.watermark_ms, each.idle) for task, each in standings.items()]
        answer = list(reply.running), reply.version, reply.number, list(reply.have), list(reply.held)
        data = msgspec.json.encode(_Beat(self.name, self._beats, shards, rows, *answer))
        self._files.write(self._folder / self.name, data)

    def _listen(self) -> None:
        for name in self._files.list(self._folder):
            data = self._files.read(self._folder / name) if name != self.name else None
            if data is None or self._raw.get(name) == data:
                continue
            try:
                beat = msgspec.json.decode(data, type=_Beat)
            except msgspec.DecodeError:
                continue
            self._raw[name] = data
            standings = {(stage, topic, n): Standing(ms, idle) for stage, topic, n, ms, idle in beat.standings}
            reply = Reply(tuple(beat.running), beat.version, beat.order, tuple(beat.have), tuple(beat.held))
            self._heard[name] = Heard(beat.host, tuple(beat.shards), standings, self._clock.monotonic(), reply)

    def _judge(self) -> None:
        """Only after the store has answered: a store that is down says nothing of a host."""
        now, mine = self._clock.monotonic(), set(self._said[0])
        for each in list(self._heard.values()) if self._lease_s else ():
            left = tuple(sorted(set(each.shards) - mine - self._at_work_elsewhere(each, now)))
            if left and now - each.at > self._lease_s:
                self._log.warning("host_silent", host=each.host, shards=list(left), silent_seconds=round(now - each.at))
                self.take_over(left, each.host)

    def _at_work_elsewhere(self, silent: Heard, now: float) -> set[int]:
        others = [each for each in self._heard.values() if each is not silent and now - each.at <= self._lease_s]
        return {shard for each in others for shard in each.shards}

    def follow(self) -> None:
        """Beat in a thread until `close`."""
        threading.Thread(target=self._run, name="hosts", daemon=True).start()

    def _run(self) -> None:
        while True:
            self._woken.wait(_HURRIED_S if self.hurry else _BEAT_S)
            self._woken.clear()
            if self._closed.is_set():
                return
            try:
                self.beat()
            except Unavailable as error:
                self._log.warning("hosts_not_heard", reason=str(error))
                self._forgive()

    def _forgive(self) -> None:
        """What could not be read has not run out: all words count from now."""
        now = self._clock.monotonic()
        self._heard = {name: replace(h, at=now) for name, h in self._heard.items()}

    def close(self) -> None:
        """A host that leaves says so: its shards are free to be taken by command, and nobody's by silence."""
        self._closed.set()
        self._woken.set()
        self._said = ([], {}, Reply())
        try:
            self._write()
        except Unavailable as error:
            self._log.warning("hosts_not_told", reason=str(error))
