"""The whole daemon: compile, wait for the cluster, supervise, reload, answer HTTP, leave."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import partial
from multiprocessing import Pipe
from pathlib import Path
from types import FrameType
from typing import Any

import streamwatchd
from streamwatchd.compiler import Compiled, compile_project
from streamwatchd.control import Request
from streamwatchd.daemon import commands
from streamwatchd.daemon.audit import AuditedLog
from streamwatchd.daemon.changes import Proposal
from streamwatchd.daemon.cluster import Cluster, LagWatch
from streamwatchd.daemon.commands.context import Context
from streamwatchd.daemon.content_journal import ContentJournal
from streamwatchd.daemon.contents import Bundle, ContentStore, content_of
from streamwatchd.daemon.control import ControlPort
from streamwatchd.daemon.control_topic.dispositions import Dispositions
from streamwatchd.daemon.control_topic.effects import Effects
from streamwatchd.daemon.control_topic.listener import Listener
from streamwatchd.daemon.control_topic.position import Position
from streamwatchd.daemon.fit import Accept, Fit
from streamwatchd.daemon.http import HttpPort
from streamwatchd.daemon.left_open import end_left_open
from streamwatchd.daemon.logs import Log, logger
from streamwatchd.daemon.looks import Looks
from streamwatchd.daemon.lost_rules import LostRules
from streamwatchd.daemon.metrics import Metrics
from streamwatchd.daemon.model_guard import ModelGuard
from streamwatchd.daemon.moving import Moving, after, assignment_of
from streamwatchd.daemon.output_watch import OutputWatch
from streamwatchd.daemon.pending_settings import PendingSettings
from streamwatchd.daemon.placements import Placements
from streamwatchd.daemon.places import NOWHERE_ELSE, Places
from streamwatchd.daemon.process import Job, real_shards, shared_store
from streamwatchd.daemon.quiet import EVERY_S, Quiet
from streamwatchd.daemon.reloader import Project, Refusals, Reloader
from streamwatchd.daemon.replays import Replays
from streamwatchd.daemon.restore import Restored, restore
from streamwatchd.daemon.selfwatch.room import SelfWatch, Signs
from streamwatchd.daemon.sharing import hosts_of, kept_in, mirror_of
from streamwatchd.daemon.spoken import Spoken
from streamwatchd.daemon.supervisor import Supervisor
from streamwatchd.daemon.tables import Tables
from streamwatchd.daemon.topic_book import TopicBook
from streamwatchd.enrichment.fetched import copies_dir
from streamwatchd.enrichment.origins import origin_of
from streamwatchd.errors import RuleSetRejected, SnapshotCorrupt, StateMismatch, Taken, Unavailable
from streamwatchd.operators.document import iso
from streamwatchd.ports.clock import Clock, SystemClock
from streamwatchd.ports.database import Database, SqlDatabase
from streamwatchd.ports.disk import Disk, Lock, RealDisk
from streamwatchd.ports.kafka import Kafka
from streamwatchd.settings import Settings
from streamwatchd.shard.assignor import exchange_topic
from streamwatchd.shard.fitting import largest_record
from streamwatchd.shard.move import Order
from streamwatchd.shard.owner import Layout
from streamwatchd.shard.recovery import MakeShard
from streamwatchd.shard.start import Assignment
from streamwatchd.shard.version import Content, Version

EXIT_USAGE = 2
EXIT_BUSY = 5
_FETCH_S = 30.0
"""So long a first start waits for tables from elsewhere; rules that read one are refused until it has come."""
_OLDER_LOST = "nothing to do unless a worker says that it needs them; then it says what settles it"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What the daemon stands on; tests put other things in its place."""

    kafka: Callable[[Settings], Kafka]
    disk: Disk = field(default_factory=RealDisk)
    clock: Clock = field(default_factory=SystemClock)
    shards: Callable[[Job], MakeShard] = real_shards
    database: Database = field(default_factory=SqlDatabase)


class Daemon:
    """One run of `streamwatchd --config FILE`."""

    def __init__(
        self, config: Path, settings: Settings, around: Surroundings, accept: frozenset[Accept] = frozenset()
    ) -> None:
        """With `accept` it settles what does not fit, as an operator says, and leaves.

        Raises RuleSetRejected when nothing can run, Unavailable when the state folder is another daemon's.
        """
        self._config = config
        self._accept = accept
        self._settings = settings
        self._around = around
        self._log: Log = AuditedLog(logger(), around.disk, settings.state_dir, around.clock)
        self._stopped = self._moving = False
        self._started_ms = around.clock.now_ms()
        self._supervisor: Supervisor | None = None
        self._reloader: Reloader | None = None
        self._metrics = Metrics()
        self._metrics.put("build_info", 1, (("version", streamwatchd.__version__),))
        self._refusals = Refusals(self._log, self._metrics)
        self._kafka = around.kafka(settings)
        self._cluster = Cluster(self._kafka, settings, around.clock, self._log)
        self._inputs_looks, self._looks = (Looks(self._kafka, self._log) for _ in range(2))
        self._outputs, self._quiet = OutputWatch(settings, self._metrics, self._log), Quiet()
        self._spoken = Spoken()
        self._content_journal = ContentJournal(
            self._kafka, settings.topics.journal, settings.app, around.clock, self._log, largest_record(settings.kafka)
        )
        self._lost_rules = LostRules(self._kafka, settings, self._log, lambda: self._frozen.read_bytes())
        self._kept_in = kept_in(settings, around.disk)
        self._dispositions = Dispositions(*self._kept_in, self._metrics)
        self._placements = Placements(
            *self._kept_in, around.clock, settings, self._metrics.positions, self._files_changed
        )  # fmt: skip
        self._listener: Listener | None = None
        self._lock = _lock(around.disk, settings.state_dir)
        self._frozen = settings.state_dir / "settings-in-force" / config.name
        running = config.read_bytes()
        _freeze(around.disk, self._frozen, running)
        self._pending = PendingSettings(config, running, self._log, self._metrics)
        self._mirror = mirror_of(settings, self._log, self._metrics)
        self._store = self._contents()
        self._hosts = hosts_of(settings, around.clock, self._log)
        self._tables = Tables(
            settings.state_dir, around.disk, partial(origin_of, kafka=self._kafka, database=around.database),
            self._files_changed, self._log, self._metrics,
        )  # fmt: skip
        self._wake_far, self._wake_near = Pipe(duplex=False)
        self._selfwatch = SelfWatch(
            settings, self._metrics, self._kafka, around.disk, around.clock, self._log, self._signs,
            ModelGuard(settings, self._metrics, around.clock, self._log, self._files_changed).hear,
        )  # fmt: skip

    def run(self) -> int:
        """Until SIGTERM or SIGINT; returns the exit code."""
        self._take_signals()
        ports: list[HttpPort | ControlPort] = []
        try:
            self._open(ports)
            self._log.info(
                "daemon_started", version=streamwatchd.__version__, config=str(self._config), pid=os.getpid()
            )
            return self._run()
        finally:
            self._inputs_looks.close()
            self._looks.close()
            if self._listener is not None:
                self._listener.close()
            if self._reloader is not None:
                self._reloader.close()
            self._content_journal.close()
            self._selfwatch.close()
            self._tables.close()
            if self._hosts is not None:
                self._hosts.close()
            for port in ports:
                port.close()
            self._lock.release()

    def _open(self, ports: list[HttpPort | ControlPort]) -> None:
        """What the daemon answers on, from the first moment; raises Unavailable."""
        settings = self._settings
        if settings.listen:
            ports.append(HttpPort(settings.listen, self._render, self._health))
        if settings.control_socket is not None:
            ports.append(ControlPort(settings.control_socket, settings.control_group, self._command, self._log))

    def _run(self) -> int:
        last_good = self._last_good()
        compiled = self._first_compiled(last_good)
        self._refusals.tell(compiled)
        bundle = self._bundle(compiled.loaded.files)
        content = content_of(compiled, bundle.places)
        if content is None:
            raise RuleSetRejected(compiled.loaded.diagnostics)
        self._store.remember(content)
        older = self._cluster.until_answered(self._older, lambda: self._stopped)
        if older is None:
            return 0
        partitions = self._cluster.prepare([*older, content], lambda: self._stopped)
        if partitions is None:
            return 0
        self._selfwatch.start()
        end_left_open(self._kafka, self._settings, partitions, [*older, content], self._log)
        proposal = Proposal(content, bundle)
        fit = self._fit([*older, content])
        if fit is None:
            return 0
        layout = self._cluster.layout([*older, content], partitions, lambda: self._stopped)
        if self._stopped:
            return 0
        if self._hosts is not None and not self._await_versions():
            return 0
        if not self._store.versions:
            self._begin_versions(proposal, journalled=layout is not None)
        self._store.keep_if_lost(content, proposal.bundle)
        proposal, files = self._with_lost_rules(proposal, compiled.loaded.files, last_good)
        self._demand_rules()
        if self._hosts is not None:
            self._share_versions()
        layout = layout or Layout(0, self._settings.shards)
        if self._mirror is not None:
            self._mirror.follow(self._store)
        moving = layout.shards != self._settings.shards or fit.moves
        if moving and not self._is_first:
            raise Unavailable(f"{layout} is in force: the host with shard 0 has to move the shards first")
        if moving:
            self._placements.note(fit.more_partitions)
            code = self._move(layout, partitions, fit)
            if code is not None:
                return code
            layout = after(layout, self._settings)
        if self._accept:
            fit.settled()
            return 0
        self._journal_content(proposal)
        self._supervise(partitions, layout, proposal, dict(files))
        assert self._supervisor is not None
        inputs = fit.watch(self._refuse, self._metrics)
        lag = LagWatch(self._metrics, self._quiet, self._around.clock)
        self._inputs_looks.start({inputs.look: 1.0})
        self._looks.start({self._outputs.look: 1.0, lag.look: EVERY_S, self._placements.look: 1.0})
        return self._supervisor.run()

    def _demand_rules(self) -> None:
        """Said once and before any worker starts, as none could go on. Raises StateMismatch."""
        try:
            self._store.demand_all()
        except StateMismatch as error:
            self._log.error("start_refused", reason=str(error))
            raise

    @property
    def _is_first(self) -> bool:
        """The host with shard 0: it begins the versions and moves the shards."""
        return not self._settings.owns or 0 in self._settings.owns

    def _await_versions(self) -> bool:
        """Know what the shared store knows; whoever has not got shard 0 waits for it. False when told to stop.

        The others are heard once before any worker starts: they may hold still for a change right now.
        """
        assert self._hosts is not None
        self._hosts.orders.fetch = self._fetch
        while not self._stopped:
            reason = "the host with shard 0 has not put any rules in force yet"
            try:
                self._store.adopt(self._known_elsewhere())
                if self._store.versions or self._is_first:
                    self._hosts.beat()
                    return True
            except Unavailable as error:
                reason = str(error)
            self._log.warning("host_waiting", reason=reason)
            self._around.clock.sleep(1.0)
        return False

    def _known_elsewhere(self) -> tuple[Version, ...]:
        """With the last change that hosts agreed on, which may be on no disk yet. Raises Unavailable, StateMismatch."""
        assert self._hosts is not None
        known = self._store.known_elsewhere()
        order = self._hosts.orders.read()
        decided = order.decided if order is not None else None
        newest = known[-1].number if known else -1
        return (*known, decided) if decided is not None and decided.number == newest + 1 else known

    def _share_versions(self) -> None:
        """What this host begins with is in the shared store before any worker starts. Raises StateMismatch where
        another host began with other rules; Unavailable."""
        assert self._mirror is not None
        try:
            self._mirror.push(self._store)
        except SnapshotCorrupt as error:
            raise StateMismatch(f"hosts of one app must begin with the same rules: {error}") from error

    def _begin_versions(self, proposal: Proposal, *, journalled: bool) -> None:
        """With what the journal topic knows, where the state folder was lost; else with the first one."""
        known = self._lost_rules.versions if journalled else ()
        if not known:
            self._store.add(proposal.content, proposal.bundle)
            return
        self._log.warning("versions_rebuilt", topic=self._settings.topics.journal, versions=len(known))
        self._store.adopt(known)

    def _with_lost_rules(
        self, proposal: Proposal, files: Mapping[str, bytes], last_good: Mapping[str, bytes]
    ) -> tuple[Proposal, Mapping[str, bytes]]:
        """Rules of versions that the folder lost, out of the journal topic. Where it has not all of them, today's rules
        are tried with what was said then, and where keys lay: that is in no checkout. What the newest version says
        stays in force. Raises Unavailable."""
        lost = self._store.lost()
        if not lost:
            return proposal, files
        newest, found = self._store.versions[-1].digest, self._lost_rules.bring_back(self._store, lost)
        thens = ((b"", NOWHERE_ELSE), *((each.spoken, each.places) for each in found.values()))
        for spoken, places in thens if self._store.lost() else ():
            tried = self._compile(last_good, spoken)
            if (like := content_of(tried, places)) is not None:
                self._store.keep_if_lost(like, self._bundle(tried.loaded.files, places))
        if newest not in lost or newest not in found:
            return proposal, files
        self._spoken.begin(found[newest].spoken)
        self._placements.begin(found[newest].places)
        compiled = self._compile(self._last_good() or last_good)
        today = self._bundle(compiled.loaded.files)
        now = content_of(compiled, today.places)
        return (proposal, files) if now is None else (Proposal(now, today), compiled.loaded.files)

    def restore(self, url: str) -> Restored:
        """Bring a savepoint into the empty state folder; nothing runs. Raises StateMismatch, Unavailable."""
        try:
            return restore(self._settings, self._kafka, self._around.disk, url)
        finally:
            self._lock.release()

    def _fit(self, contents: list[Content]) -> Fit | None:
        """Topics and offsets as they should be, or mended as an operator said; None when told to stop meanwhile.

        Raises StateMismatch with the command that mends them.
        """
        topics = {each.topic for content in contents for each in content.inputs}
        stages = max(content.stages for content in contents)
        topics |= {exchange_topic(self._settings.topics, stage) for stage in range(2, stages + 1)}
        shared = self._kept_in if self._settings.owns else None
        book = TopicBook(self._around.disk, self._settings.state_dir, shared, leads=self._is_first)
        replays = Replays(self._kafka, self._settings, self._around.disk, shared_store(self._settings))

        def ask() -> Fit:
            return Fit(self._kafka, self._settings, topics, book, replays, self._log)

        fit = self._cluster.until_answered(ask, lambda: self._stopped)
        if fit is None:
            return None
        fit.count(self._metrics)
        fit.demand(self._accept, lambda words: f"`streamwatchd --config {self._config} {words}`")
        done = self._cluster.until_answered(fit.put_back, lambda: self._stopped)
        return None if done is None else fit

    def _refuse(self, reason: str) -> None:
        """From the thread that looks at the topics."""
        assert self._supervisor is not None
        self._supervisor.refuse(reason)
        self._wake()

    def _move(self, layout: Layout, partitions: Mapping[str, int], fit: Fit) -> int | None:
        """Another number of shards, or other places to go on from; None once it is in force, else the exit code."""
        order = fit.order(Order(layout, after(layout, self._settings), partitions, self._store.versions))
        job = replace(self._job(assignment_of(order)), order=order)
        self._moving = True
        try:
            return Moving(job, self._store, self._around.clock, self._log, lambda: self._stopped).run()
        finally:
            self._moving = False

    def _supervise(
        self, partitions: Mapping[str, int], layout: Layout, proposal: Proposal, files: Mapping[str, bytes]
    ) -> None:
        clock = self._around.clock
        self._supervisor = Supervisor(
            self._settings, partitions, self._store, self._job, clock, self._metrics, self._log, self._wake_far,
            layout.generation, self._hosts, self._quiet,
        )  # fmt: skip
        if self._hosts is not None:
            self._hosts.take_over = self._take_over
            self._hosts.follow()
        self._store.remember(proposal.content)
        self._supervisor.changes.propose(proposal)
        project = Project(self._config, self._settings, self._placements.now)
        self._reloader = Reloader(
            project, self._compile, files, self._bundle, self._propose, self._refusals, self._pending, self._log,
            self._metrics,
        )  # fmt: skip
        self._reloader.watch()
        if self._is_first:
            self._content_journal.follow(self._store)
        self._placements.follow(self._store)
        if settling := self._placements.settling:
            self._log.info("partitions_settling", topics=settling)
        self._listen()
        if self._stopped:
            self._supervisor.stop()

    def _fetch(self, digest: str) -> None:
        """What another host wants to put in force, into this state folder. From the thread of the hosts."""
        self._store.keep(self._store.content(digest), self._store.bundle(digest))

    def _take_over(self, shards: tuple[int, ...], host: str) -> None:
        """From the thread of the hosts."""
        assert self._supervisor is not None
        supervisor = self._supervisor
        supervisor.ask(lambda: supervisor.take_over(shards, f"{host} is silent"))
        self._wake()

    def _last_good(self) -> dict[str, bytes]:
        if not self._store.versions:
            return {}
        try:
            bundle = self._store.bundle(self._store.versions[-1].digest)
            self._spoken.begin(bundle.spoken)
            self._placements.begin(bundle.places)
            return bundle.last_good(self._settings)
        except StateMismatch as error:
            self._log.error("last_good_unknown", reason=str(error))
            return {}

    def _contents(self) -> ContentStore:
        elsewhere = self._mirror.read if self._mirror is not None else lambda name: None
        disk, folder = self._around.disk, self._settings.state_dir
        return ContentStore(disk, folder, elsewhere=elsewhere, say=lambda note: self._log.warning("state", note=note))

    def _older(self) -> list[Content]:
        """What ran before, as far as it can be read: a worker that needs more of it says so. Raises Unavailable where
        it is looked for in Kafka, StateMismatch where that can't be read."""
        if not self._store.versions and self._is_first:
            return self._lost_rules.look()
        found: list[Content] = []
        newest = {version.digest: version for version in self._store.versions}
        for digest, version in newest.items():
            try:
                found.append(self._store.content(digest))
            except StateMismatch as error:
                since = iso(version.at_ms) if version.at_ms > 0 else "the beginning"
                self._log.error(
                    "older_rules_lost", version=version.number, since=since, reason=str(error), hint=_OLDER_LOST
                )
        return found

    def _first_compiled(self, last_good: Mapping[str, bytes]) -> Compiled:
        """With tables that were never fetched here fetched now, if they can be in time."""
        compiled = self._compile(last_good)
        new = [each for each in compiled.loaded.fetches if each.table not in compiled.loaded.tables]
        if new:
            self._log.info("tables_awaited", tables=[each.table for each in new])
            self._tables.wait(_FETCH_S)
            compiled = self._compile(last_good)
        return compiled

    def _compile(self, last_good: Mapping[str, bytes], spoken: bytes | None = None) -> Compiled:
        """Rules and tables as they are now, under the settings of the start; with other silences than were said."""
        compiled = compile_project(
            self._frozen,
            rules_dir=self._settings.rules_dir,
            enrichment_dir=self._settings.enrichment_dir,
            calendars_dir=self._settings.calendars_dir,
            silences_dir=self._settings.silences_dir,
            models=self._settings.models,
            last_good=last_good,
            copies=copies_dir(self._settings.state_dir),
            spoken=self._spoken.content if spoken is None else spoken,
        )
        self._tables.follow(compiled.loaded.fetches)
        return compiled

    def _bundle(self, files: Mapping[str, bytes], places: Places | None = None) -> Bundle:
        """With where keys lie now, unless it is said where they lay."""
        places = self._placements.now() if places is None else places
        return Bundle.of(files, self._settings, self._frozen.read_bytes(), places)

    def _job(self, assignment: Assignment) -> Job:
        return Job(self._settings, assignment, self._kafka, self._around.shards)

    def _propose(self, proposal: Proposal) -> None:
        """From the reloader's thread. Raises Unavailable where Kafka does not make the topics that it needs."""
        self._cluster.ensure_stages(proposal.content.stages)
        self._journal_content(proposal)
        assert self._supervisor is not None
        self._supervisor.inbox.put(proposal)
        self._wake()

    def _journal_content(self, proposal: Proposal) -> None:
        """Before it can be put in force, so that no version is known whose rules can't be had."""
        if self._is_first:
            self._content_journal.ahead(proposal.content.digest, proposal.bundle)

    def _command(self, request: Request, say: Callable[[str], None]) -> Mapping[str, Any]:
        """From a thread of the control socket."""
        return commands.run(self._context(), request, say)

    def _context(self) -> Context:
        around = self._around
        return Context(
            settings=self._settings,
            started_ms=self._started_ms,
            supervisor=self._supervisor,
            reloader=self._reloader,
            store=self._store,
            refusals=self._refusals,
            metrics=self._metrics,
            kafka=self._kafka,
            disk=around.disk,
            clock=around.clock,
            log=self._log,
            wake=self._wake,
            spoken=self._spoken,
            leads=self._is_first,
            compile=self._compile,
            pending_settings=self._pending.sentences,
            dispositions=self._dispositions.by_rule,
            wrong_topics=lambda: {**self._cluster.missing, **self._outputs.wrong},
            settling=lambda: self._placements.settling,
        )

    def _listen(self) -> None:
        """To the control topic, on the host whose changes hold for all."""
        settings = self._settings
        if settings.control_topic and self._is_first:
            effects = Effects(self._context, self._dispositions, self._files_changed)
            self._listener = Listener(
                self._kafka, settings.control_topic, settings.topics.dead_letters, Position(*self._kept_in), effects,
                self._dispositions, self._metrics, self._log,
            )  # fmt: skip
            self._listener.start()

    def _take_signals(self) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):
            signal.signal(number, self._on_stop)
        signal.signal(signal.SIGHUP, self._on_hangup)

    def _on_stop(self, number: int, frame: FrameType | None) -> None:
        self._stopped = True
        if self._supervisor is not None:
            self._supervisor.stop()
        self._wake()

    def _on_hangup(self, number: int, frame: FrameType | None) -> None:
        if self._reloader is not None:
            self._reloader.force()

    def _files_changed(self) -> None:
        """Models, copies of tables, or where keys lie; from a thread of theirs."""
        if self._reloader is not None:
            self._reloader.hint()

    def _wake(self) -> None:
        self._wake_near.send_bytes(b"!")

    def _signs(self) -> Signs | None:
        supervisor = self._supervisor
        if supervisor is None:
            return None
        return Signs(supervisor.alive_at, {slot.shard: slot.pid for slot in supervisor.slots if slot.pid is not None})

    def _render(self) -> str:
        return self._metrics.render(self._around.clock.now_ms())

    def _health(self) -> tuple[bool, Mapping[str, object]]:
        if self._supervisor is None:
            if missing := dict(self._cluster.missing):
                return False, {"status": "waiting for topics", "topics": missing}
            return False, {"status": "moving the shards" if self._moving else "waiting for Kafka"}
        good, details = self._supervisor.health()
        wrong = dict(self._outputs.wrong)
        status = {"status": "degraded", "topics": wrong} if wrong else {}
        return good and not wrong, {**details, **status, "refused": list(self._refusals.refused)}


def _lock(disk: Disk, state_dir: Path) -> Lock:
    try:
        return disk.lock(state_dir / "lock")
    except Taken as error:
        raise Unavailable(f"another daemon is at work on the state folder {state_dir}: {error}") from error
    except Unavailable as error:
        raise Unavailable(
            f"the state folder {state_dir} can't be used: {error}; "
            "`state_dir` must be a folder that this user may write to"
        ) from error


def _freeze(disk: Disk, path: Path, settings: bytes) -> None:
    """Keep the settings that this run goes by. A disk without room does no harm where they are there already."""
    try:
        disk.write(path, settings)
    except Unavailable as error:
        if disk.read(path) != settings:
            raise Unavailable(
                f"the state folder {path.parent.parent} takes no writes ({error}): free some space, or make it writable"
            ) from error
