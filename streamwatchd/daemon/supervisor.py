"""The supervisor: keeps the workers at work, sets the pace of idle partitions, and brings changes in."""

from __future__ import annotations

import queue
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import Future
from dataclasses import dataclass, replace
from multiprocessing.connection import Connection, wait
from typing import Any, TypeVar

from streamwatchd.daemon.changes import Changes, Proposal
from streamwatchd.daemon.contents import ContentStore
from streamwatchd.daemon.filling import Filling
from streamwatchd.daemon.following import Following
from streamwatchd.daemon.hosts import Hosts
from streamwatchd.daemon.logs import Log
from streamwatchd.daemon.metrics import Metrics
from streamwatchd.daemon.notify import notify
from streamwatchd.daemon.peers import Peers
from streamwatchd.daemon.process import EXIT_FENCED, EXIT_MISMATCH, Job
from streamwatchd.daemon.quiet import Quiet
from streamwatchd.daemon.rates import Rates
from streamwatchd.daemon.wire import Need, Supply
from streamwatchd.daemon.workers import WorkerSlot
from streamwatchd.errors import StateMismatch, Unavailable
from streamwatchd.ports.clock import Clock
from streamwatchd.ports.telemetry import Report
from streamwatchd.settings import Settings
from streamwatchd.shard.control import Ask, Command, Have, Held, Paces, Save, Saved, Stop, Told
from streamwatchd.shard.idle import Pace, Standing
from streamwatchd.shard.owner import Layout
from streamwatchd.shard.start import Assignment
from streamwatchd.shard.version import BEGINNING, Version

_PACE_S = 1.0
_TURN_S = 0.25
_STOP_S = 25.0

_LOOK_AGAIN = "all shards stop; start the daemon again: it says what does not fit, and the command that settles it"

MakeJob = Callable[[Assignment], Job]
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Asked:
    """Something quick to do between two turns, asked by another thread."""

    job: Callable[[], Any]
    future: Future[Any]

    def run(self) -> None:
        if self.future.set_running_or_notify_cancel():
            try:
                self.future.set_result(self.job())
            except Exception as error:  # it is raised where it was asked for
                self.future.set_exception(error)


class Supervisor:
    """Runs in the main thread; `wake` is readable when another thread has put something into `inbox`."""

    def __init__(
        self,
        settings: Settings,
        partitions: Mapping[str, int],
        store: ContentStore,
        make_job: MakeJob,
        clock: Clock,
        metrics: Metrics,
        log: Log,
        wake: Connection,
        generation: int = 0,
        hosts: Hosts | None = None,
        quiet: Quiet | None = None,
    ) -> None:
        """`generation` is that of the layout in force; `hosts` are there where several share the shards. Workers are
        believed when they say that a partition is silent, but for what `quiet` says."""
        self._hosts = hosts
        self._quiet = quiet
        self._settings = settings
        self._generation = generation
        self._partitions = dict(partitions)
        self._store = store
        self._make_job = make_job
        self._clock = clock
        self._metrics = metrics
        self._log = log
        self._wake = wake
        self.inbox: queue.SimpleQueue[Proposal | Asked] = queue.SimpleQueue()
        self.rates = Rates()
        self.saves: dict[int, dict[int, Saved]] = {}
        """Answers of shards to orders of savepoints, by ticket."""
        self.told: dict[int, dict[int, Told]] = {}
        """Answers of shards to questions that somebody waits for, by ticket."""
        self._questions = 0
        self._peers = None if hosts is None else Peers(hosts, clock)
        self._filling = Filling()
        self.changes = Changes(store, clock, self._tell_all, log, self._peers, self._filling)
        self._following = None if hosts is None else Following(hosts, store, self._tell_all, clock, log)
        self._led = False
        self.slots = [self._slot(shard) for shard in settings.owns or range(settings.shards)]
        self._paces: dict[str, Pace] = {}
        self._standings: dict[tuple[int, str, int], tuple[int, Standing]] = {}
        self._paced = clock.monotonic()
        self._told_least = False
        self.alive_at = clock.monotonic()
        """When the loop last came round."""
        self._wanted_since: float | None = None
        self._ready = False
        self._stopping = False
        self._refused = ""
        for slot in self.slots:
            metrics.put("worker_up", 0, (("shard", str(slot.shard)),))

    def run(self) -> int:
        """Until stopped; returns the exit code."""
        while not self._stopping:
            self.turn()
            if self._must_end():
                break
        return self._leave()

    def stop(self) -> None:
        self._stopping = True

    def refuse(self, reason: str) -> None:
        """From any thread, once: what the work stands on is not what it was, so all shards end what they have."""
        self._log.error("topics_changed", reason=reason, hint=_LOOK_AGAIN)
        self._refused, self._stopping = reason, True

    def turn(self) -> None:
        self.alive_at = self._clock.monotonic()
        if self._following is not None:
            self._following.step([slot.shard for slot in self.slots if not slot.is_given_up])
        for slot in self.slots:
            slot.start_if_due()
        self._listen(min([_TURN_S, *(slot.rest_s for slot in self.slots)]))
        for slot in list(self.slots):
            if slot.reap(stopping=False):
                self._on_lost(slot)
                self._let_go(slot)
            slot.kill_if_hung()
            if slot.settle():
                self._metrics.put("worker_losses", 0, (("shard", str(slot.shard)),))
        self._set_paces()
        running = [slot.shard for slot in self.slots if slot.phase == "running"]
        self._change(running)
        self._note_waiting(self._old_records())
        self._say_ready(len(running))

    def _change(self, running: list[int]) -> None:
        """Go on with a change of rules: for all hosts where shard 0 is here."""
        if self._hosts is None or self._peers is None or self._following is None:
            self.changes.step(running, self._settings.shards)
            return
        mine = [slot.shard for slot in self.slots if not slot.is_given_up]
        self._hosts.say(mine, self._standings_here(), self._following.reply(running))
        leads = 0 in mine
        if leads and not self._led:
            self._peers.take_the_lead()
        self._led = leads
        if not leads:
            self.changes.follow()
        elif self._store.versions:
            elsewhere = self._peers.running(self._store.versions[-1].number)
            self.changes.step(sorted({*running, *elsewhere}), self._settings.shards)

    def _standings_here(self) -> dict[tuple[int, str, int], Standing]:
        here = {slot.shard for slot in self.slots}
        return {task: each for task, (shard, each) in self._standings.items() if shard in here and task[0] == 1}

    def _slot(self, shard: int) -> WorkerSlot:
        return WorkerSlot(shard, self._job, self._clock, self._log, vouched=self._vouched)

    def take_over(self, shards: Iterable[int], why: str) -> tuple[int, ...]:
        """Work on these too; gives those that were not here. Raises Unavailable, StateMismatch."""
        here = {slot.shard for slot in self.slots if not slot.is_given_up}
        taken = tuple(shard for shard in shards if shard not in here)
        if taken and self._hosts is not None:
            self._store.adopt(self._store.known_elsewhere())
        self.slots = [slot for slot in self.slots if slot.shard not in taken]
        self.slots += [self._slot(shard) for shard in taken]
        self.slots.sort(key=lambda slot: slot.shard)
        for shard in taken:
            self._metrics.add("shards_taken_over_total", 1, (("shard", str(shard)),))
        if taken:
            self._log.warning("shards_taken_over", shards=list(taken), why=why)
        return taken

    def _let_go(self, slot: WorkerSlot) -> None:
        """Another host took it over: what is left here goes on."""
        if self._hosts is not None and slot.exit_code == EXIT_FENCED and len(self.slots) > 1:
            self.slots.remove(slot)
            self._standings = {task: each for task, each in self._standings.items() if each[0] != slot.shard}
            self._metrics.forget(slot.shard)
            self._log.warning("shard_let_go", shard=slot.shard, reason="another host took it over")

    @property
    def _shares(self) -> bool:
        """Other hosts have shards of this application."""
        return self._hosts is not None and len(self.slots) < self._settings.shards

    def _old_records(self) -> int:
        """How many are still to be read here before a change."""
        reports = [slot.report for slot in self.slots if slot.report is not None]
        return round(sum(report.gauges.get(("backfill_left_records", ()), 0) for report in reports))

    def _note_waiting(self, old_records: int) -> None:
        """For how long what is compiled has not been in force, though no windows were filled for it."""
        now = self._clock.monotonic()
        self._filling.note(old_records, now)
        if self.changes.wanted is None:
            self._wanted_since = None
        elif self._wanted_since is None or self._filling.goes_on(now):
            self._wanted_since = now
        since = now if self._wanted_since is None else self._wanted_since
        self._metrics.put("rules_stale_seconds", now - since)

    def _listen(self, timeout_s: float) -> None:
        wait([each for slot in self.slots for each in slot.waitables()] + [self._wake], timeout_s)
        while self._wake.poll():
            self._wake.recv_bytes()
        while not self.inbox.empty():
            self._take(self.inbox.get())
        for slot in self.slots:
            for message in slot.messages():
                self._on_message(slot, message)

    def _take(self, item: Proposal | Asked) -> None:
        match item:
            case Asked():
                item.run()
            case Proposal() if self.changes.propose(item):
                self._log.info("change_proposed")

    @property
    def layout(self) -> Layout:
        return Layout(self._generation, self._settings.shards)

    def save(self, url: str) -> int:
        """Have every shard write its part of a savepoint; the ticket under which `saves` has the answers."""
        ticket = len(self.saves) + 1
        self.saves[ticket] = {}
        self._tell_all(Save(ticket, url))
        return ticket

    def inquire(self, rule: str, key: Mapping[str, str], most: int) -> int:
        """Ask every shard at work (see `Ask`); the ticket under which `told` has the answers until they are fetched."""
        self._questions += 1
        self.told[self._questions] = {}
        self._tell_all(Ask(self._questions, rule, key, most))
        return self._questions

    def ask(self, job: Callable[[], T]) -> Future[T]:
        """From any thread: have `job` run between two turns; wake the supervisor afterwards."""
        future: Future[T] = Future()
        self.inbox.put(Asked(job, future))
        return future

    def _on_message(self, slot: WorkerSlot, message: object) -> None:
        match message:
            case Report():
                self._on_report(message)
            case Held():
                self.changes.on_held(message)
                if self._following is not None:
                    self._following.on_held(message)
            case Have():
                self.changes.on_have(message)
                if self._following is not None:
                    self._following.on_have(message)
            case Saved():
                self.saves.setdefault(message.ticket, {})[message.shard] = message
            case Told() if message.ticket in self.told:
                self.told[message.ticket][message.shard] = message
            case Need(digest):
                slot.tell(self._supply(digest))

    def _vouched(self, report: Report) -> Report:
        """Only what brokers say is silent, too, is idle."""
        if self._quiet is None or not report.idle:
            return report
        newest = self._store.content(self._store.versions[-1].digest)
        after_s = {each.topic: each.idle_after_ms / 1000 for each in newest.inputs}
        return replace(
            report,
            idle=frozenset(
                (stage, topic, number)
                for stage, topic, number in report.idle
                if topic in after_s and self._quiet.covers(topic, number, after_s[topic])
            ),
        )

    def _on_report(self, report: Report) -> None:
        self._metrics.take(report)
        self.rates.take(report)
        for task, watermark_ms in report.watermarks_ms.items():
            self._standings[task] = (report.shard, Standing(watermark_ms, task in report.idle))
        oldest = [slot.report.oldest_version if slot.report else None for slot in self.slots]
        if None not in oldest:
            try:
                self._store.prune(min(each for each in oldest if each is not None))
            except Unavailable as error:
                self._log.warning("versions_not_pruned", reason=str(error))

    def _supply(self, digest: str) -> Supply:
        try:
            return Supply(digest, self._store.content(digest))
        except (StateMismatch, Unavailable) as error:
            return Supply(digest, None, str(error))

    def _job(self, shard: int) -> Job:
        held = self.changes.wanted is not None and not self._ready and not self._shares
        held = held or self.changes.is_deciding or (self._following is not None and self._following.holds)
        shards, versions, generation = self._settings.shards, self._store.versions, self._generation
        return self._make_job(Assignment(shard, shards, self._partitions, versions, held=held, generation=generation))

    def _tell_all(self, command: Command) -> None:
        for slot in self.slots:
            slot.tell(command)

    def _on_lost(self, slot: WorkerSlot) -> None:
        label = ("shard", str(slot.shard))
        self._metrics.lose(slot.shard)
        self._metrics.put("worker_fenced", float(slot.exit_code == EXIT_FENCED), (label,))
        self._metrics.put("worker_refused", float(slot.exit_code == EXIT_MISMATCH), (label,))
        for reason, count in slot.restarts.items():
            self._metrics.put("worker_restarts_total", count, (("reason", reason), label))
        self._metrics.put("worker_losses", slot.losses, (label,))
        for task, (shard, standing) in list(self._standings.items()):
            if shard == slot.shard:
                self._standings[task] = (shard, Standing(standing.watermark_ms, idle=False))
        self.changes.on_worker_lost(slot.shard)

    def _set_paces(self) -> None:
        """About once a second: how far idle partitions may go, by the watermarks of all shards."""
        now = self._clock.monotonic()
        if now - self._paced < _PACE_S or not self._store.versions:
            return
        self._paced = now
        targets: dict[str, int] = {}
        everywhere = self._hosts.standings() if self._hosts is not None else {}
        everywhere |= {task: standing for task, (_, standing) in self._standings.items()}
        for each in self._store.content(self._store.versions[-1].digest).inputs:
            self._metrics.put("max_delay_seconds", each.max_delay_ms / 1000, (("topic", each.topic),))
            pace = self._paces.setdefault(each.topic, Pace(each.max_delay_ms, self._settings.idle_jump_ms))
            standings = [s for (stage, topic, _), s in everywhere.items() if stage == 1 and topic == each.topic]
            target = None
            if len(standings) >= self._partitions.get(each.topic, 0):
                target = pace.target(standings, self._clock.now_ms(), round(now * 1000))
            if target is not None:
                targets[each.topic] = target
        least_ms = self._least_ms()
        if targets or least_ms or self._told_least:
            self._tell_all(Paces(targets, least_ms))
        self._told_least = bool(least_ms)

    def _least_ms(self) -> dict[int, int]:
        """Per shard the least watermark of its partitions that catch up; a shard that is away holds nobody back."""
        found: dict[int, int] = {}
        for slot in self.slots:
            if slot.report is not None and slot.phase == "running":
                begun = [ms for task, ms in slot.report.watermarks_ms.items() if task in slot.report.behind]
                begun = [ms for ms in begun if ms > BEGINNING]
                if begun:
                    found[slot.shard] = min(begun)
        return found

    def _say_ready(self, running: int) -> None:
        notify("WATCHDOG=1")
        settled = self.changes.wanted is None or self._shares
        if not self._ready and running == len(self.slots) and settled:
            self._ready = True
            notify("READY=1")
            self._log.info("daemon_ready", shards=running)

    def _must_end(self) -> bool:
        """Another daemon is at work, or no shard can go on."""
        if self._hosts is not None:
            return all(slot.is_given_up for slot in self.slots)
        return any(slot.exit_code == EXIT_FENCED and slot.is_given_up for slot in self.slots) or all(
            slot.is_given_up for slot in self.slots
        )

    def _leave(self) -> int:
        """Stop the workers, each after its epoch and snapshot; those that hang on are killed."""
        notify("STOPPING=1")
        self._tell_all(Stop())
        deadline = self._clock.monotonic() + _STOP_S
        while any(slot.is_up for slot in self.slots):
            self.alive_at = self._clock.monotonic()
            self._listen(_TURN_S)
            for slot in self.slots:
                slot.reap(stopping=True)
                if self._clock.monotonic() > deadline and slot.is_up:
                    self._log.warning("worker_killed", shard=slot.shard, reason=f"not gone after {_STOP_S:.0f} s")
                    slot.kill()
        codes = {slot.exit_code for slot in self.slots}
        code = next((each for each in (EXIT_FENCED, EXIT_MISMATCH) if each in codes), 0)
        code = EXIT_MISMATCH if self._refused and code == 0 else code
        self._log.info("daemon_left", exit=code)
        return code

    def health(self) -> tuple[bool, dict[str, Any]]:
        """Well while every shard does its normal work."""
        shards = {
            str(slot.shard): {"phase": slot.phase, "epoch": slot.report.epoch if slot.report else 0} | _losses(slot)
            for slot in self.slots
        }
        good = all(slot.phase == "running" for slot in self.slots)
        version: Version | None = self._store.versions[-1] if self._store.versions else None
        return good, {"status": "ok" if good else "degraded", "shards": shards, "version": version and version.number}


def _losses(slot: WorkerSlot) -> dict[str, Any]:
    """For the health of a shard that is in a crash loop."""
    return {"losses": slot.losses, "died_at": slot.died_at} if slot.is_crash_looping else {}
