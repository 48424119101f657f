"""The only loop: take, evaluate, commit, again. All I/O is behind ports, so it runs the same on fakes.

    recover ─▶ ┌─▶ obey commands ─▶ take ─▶ evaluate ─▶ idle marks ─▶ commit when due ─▶ report ─┐ ─▶ leave
               └─────────────────────────────────────────────────────────────────────────────────┘

One epoch is in the making while the one before it commits in the background.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import streamwatchd
from streamwatchd.batch import RawBatch
from streamwatchd.errors import StateMismatch, Unavailable
from streamwatchd.failpoints import failpoint
from streamwatchd.ports.kafka import Committed, Partition, Reader
from streamwatchd.ports.laps import DECODE
from streamwatchd.settings import Settings
from streamwatchd.shard.backfill import Backfill
from streamwatchd.shard.control import Ask, Change, Go, Have, Held, Hold, Next, Paces, Save, Stop, Told
from streamwatchd.shard.epoch import Backoff, Committer, OpenEpoch, Sealed
from streamwatchd.shard.idle import Silence
from streamwatchd.shard.inquiry import answer
from streamwatchd.shard.journal import EpochRecord
from streamwatchd.shard.keeper import Keeper
from streamwatchd.shard.lead import Lead
from streamwatchd.shard.meter import Meter
from streamwatchd.shard.output import Mark, TaskId
from streamwatchd.shard.portion import Portion
from streamwatchd.shard.recovery import MakeShard, State, feed
from streamwatchd.shard.savepoint import Saver
from streamwatchd.shard.stamp import stamp_of
from streamwatchd.shard.start import Assignment, Ports, Recovery, Started, owner_of
from streamwatchd.shard.steady import SteadyClock
from streamwatchd.shard.stretch import Filled, Stretch
from streamwatchd.shard.timing import sample
from streamwatchd.shard.version import BEGINNING, Content, Version

_TAKE_S = 0.05
_GATHER_S = 0.02
_REPORT_S = 0.5
_ASK_S = 5.0
_LONGEST_S = 60.0
"""A turn of the loop that is longer counts as standing still, even if it gets somewhere."""
_MOST_TAKES_AHEAD = 25
_MOST_OUTPUTS_AHEAD = 100_000
_MOST_BYTES_AHEAD = 64_000_000


class Worker:
    """One shard's process, but for the process."""

    def __init__(self, settings: Settings, assignment: Assignment, ports: Ports, make_shard: MakeShard) -> None:
        self._settings = settings
        self._assignment = assignment
        self._clock, self._link = ports.clock, ports.link
        self._make_shard = make_shard
        self._meter = Meter(assignment.shard, ports.clock, settings.self_alerts.commit_stuck_ms / 1000)
        self._portion = Portion(settings.batch_records, assignment.losses, ports.clock.monotonic())
        self._owner = owner_of(settings, assignment)
        self._recovery = Recovery(settings, assignment, ports, make_shard, self._meter)
        self._keeper = Keeper(
            self._owner, ports.clock, ports.background, self._recovery.journal, self._recovery.snapshots,
            self._recovery.mirror, self._meter, settings.snapshot_every_ms,
        )  # fmt: skip
        self._backfill = Backfill(settings, ports.kafka, self._meter, ports.clock)
        self._preparing = ""
        self._saver = Saver(self._owner, ports.stores, ports.background)
        self._commits, self._asks = ports.background("commit"), ports.background("ask")
        self._asked = self._turned = self._sealed = self._looked = ports.clock.monotonic()
        self._held = assignment.held
        self._hold: Hold | None = None
        self._paused: float | None = None
        self._stopping = False
        self._closed = False
        self._paces: Mapping[str, int] = {}
        self._others_ms: int | None = None
        self._steady: SteadyClock
        self._committer: Committer
        self._reader: Reader
        self._state: State
        self._open: OpenEpoch
        self._silence: Silence
        self._lead: Lead
        self._task_of: dict[Partition, TaskId]
        self._idle_after: dict[str, int]

    def run(self) -> None:
        """Work until told to stop. Raises Fenced or StateMismatch when it must not go on."""
        with self._recovery.locked():
            started = self._start()
            if started is None:
                return
            self._begin(started)
            self._stopping = self._stopping or self._assignment.closing
            while not self._stopping:
                self._turn()
            self._leave()

    def _turn(self) -> None:
        self._turned = self._clock.monotonic()
        self._obey()
        if self._backfill.is_on:
            self._read_past()
        self._take()
        self._pace()
        self._keeper.turn(committed=not self._commits.busy)
        if (saved := self._saver.turn()) is not None:
            self._link.saved(saved)
        self._report()

    # ── start ──

    def _start(self) -> Started | None:
        """Recover, as often as it takes until brokers and disk answer; None when told to stop meanwhile."""
        backoff = Backoff(self._clock, self._trying)
        while not self._stopping:
            try:
                return self._recovery.run()
            except Unavailable as error:
                backoff.wait(error)
                self._obey_while_starting()
        return None

    def _trying(self, reason: str) -> None:
        self._meter.note(f"waiting: {reason}")
        self._meter.phase, phase = "waiting", self._meter.phase
        self._link.report(self._meter.report())
        self._meter.phase = phase

    def _obey_while_starting(self) -> None:
        for command in self._link.commands():
            match command:
                case Stop():
                    self._stopping = True
                case Go():
                    self._held = False
                case Hold():
                    self._held, self._hold = True, command
                case Next(content):
                    self._link.have(Have(self._assignment.shard, content.digest))
                case Ask(ticket):
                    self._link.told(Told(self._assignment.shard, ticket, problem="it is recovering its state"))
                case Change() | Paces() | Save():
                    continue

    def _begin(self, started: Started) -> None:
        """From here on the loop has all it works with."""
        self._state, self._reader, self._committer = started.state, started.reader, started.committer
        self._state.shard.laps.on_lap = self._get_somewhere
        self._keeper.begin(started.snapshot_epoch)
        taken_ms = self._state.shard.max_event_time()
        self._steady = SteadyClock(self._clock, self._meter.clock_stepped, taken_ms, self._settings.max_future_ms)
        self._follow_tasks()
        self._open_epoch(must_commit=started.fresh)
        for version in self._assignment.versions:
            self._switch(version, self._link.content(version.digest))
        self._meter.phase = "running"
        self._look()
        self._link.report(self._meter.report())

    def _follow_tasks(self) -> None:
        """Read what the state's tasks need, from where they stand."""
        state = self._state
        self._task_of = {partition: task for task, partition in state.tasks.items()}
        self._idle_after = {each.topic: each.idle_after_ms for each in state.content.inputs}
        self._silence = Silence(self._task_of, self._clock.monotonic())
        sources = [partition for partition, task in self._task_of.items() if task.stage == 1]
        self._lead = Lead(sources, self._settings.max_ahead_ms if state.content.stages > 1 else 0)
        self._reader.assign({partition: state.positions[task] for task, partition in state.tasks.items()})

    # ── commands ──

    def _obey(self) -> None:
        for command in self._link.commands():
            match command:
                case Hold():
                    self._held, self._hold = True, command
                    self._paused = self._paused or self._clock.monotonic()
                case Change(version):
                    self._switch(version, self._link.content(version.digest))
                    self._go()
                case Go():
                    self._go()
                case Next(content):
                    self._prepare(content)
                case Paces(watermarks_ms, least_ms):
                    self._paces = watermarks_ms
                    others = [ms for shard, ms in least_ms.items() if shard != self._assignment.shard]
                    self._others_ms = min(others, default=None)
                    self._mark_idle()
                case Save():
                    self._save(command)
                case Ask():
                    self._link.told(answer(self._assignment.shard, self._state.shard, command))
                case Stop():
                    self._stopping = True
        if self._hold is not None:
            self._link.held(Held(self._assignment.shard, self._hold.ticket, self._horizon()))
            self._hold = None

    def _go(self) -> None:
        """Take records again."""
        self._held = False
        if self._paused is not None:
            self._meter.observe("switch_pause_seconds", self._clock.monotonic() - self._paused)
            self._paused = None

    def _prepare(self, content: Content) -> None:
        """For rules that will be in force soon; `Have` says that the switch will be quick."""
        self._preparing = content.digest
        try:
            self._backfill.prepare(self._state, content, self._horizon())
        except (Unavailable, StateMismatch) as error:
            self._meter.note(f"old records can't be read yet: {error}")
        self._read_past()

    def _read_past(self) -> None:
        """A slice of old records, as long as new rules wait for them."""
        try:
            ready = self._backfill.turn(self._state)
        except (Unavailable, StateMismatch) as error:
            self._meter.note(f"old records can't be read ahead of the change: {error}")
            self._backfill.drop()
            ready = True
        if ready and self._preparing:
            self._link.have(Have(self._assignment.shard, self._preparing))
            self._preparing = ""

    def _save(self, order: Save) -> None:
        self._settle_commit()
        if not self._open.is_empty:
            self._seal()
            self._settle_commit()
        self._saver.start(order, self._state)

    def _horizon(self) -> int:
        """No event time or watermark that this shard knows lies above."""
        return max(self._state.shard.max_event_time(), *self._state.shard.watermarks().values(), BEGINNING)

    def _switch(self, version: Version, content: Content) -> None:
        """Put `version` in force as the first act of a new epoch."""
        if version.number <= self._state.version.number:
            self._check_same(version)
            return
        if version.at_ms <= self._horizon():
            raise StateMismatch(f"version {version.number} begins at {version.at_ms}, this shard is past it")
        if not self._open.is_empty:
            self._settle_commit()
            self._seal()
        failpoint("switch.beginning")
        tasks = self._recovery.tasks(content)
        moved = not tasks.keys() <= self._state.tasks.keys()
        pasts, stretches = self._fill(version, content)
        failpoint("switch.filled")
        self._state.shard.forget_rows(version.at_ms - self._settings.backfill_ms)
        self._state.switch(version, content, tasks, pasts)
        self._meter.add("switches_total")
        if moved:
            self._recovery.find_starts(self._state)
            self._follow_tasks()
        self._open_epoch()
        self._open.switches.append(version)
        self._open.pasts = stretches
        self._drain()  # a source that is gone says its last words at once
        failpoint("switch.made")

    def _fill(self, version: Version, content: Content) -> tuple[Filled, tuple[Stretch, ...]]:
        """What lies before the change for panes that begin with it; as often as it takes until brokers answer."""
        begun = self._clock.monotonic()
        while True:
            try:
                found = self._backfill.finish(self._state, content, version.at_ms, self._breathe)
            except Unavailable as error:
                self._trying(str(error))
                self._clock.sleep(0.5)
            else:
                self._keeper.worked(self._clock.monotonic() - begun)
                return found

    def _breathe(self) -> None:
        if self._meter.due(_REPORT_S):
            self._link.report(self._meter.report())

    def _get_somewhere(self) -> None:
        """Much may come of few records, on a slow machine: that is no standing still."""
        if self._clock.monotonic() - self._turned < _LONGEST_S:
            self._breathe()

    def _check_same(self, version: Version) -> None:
        known = next((each for each in self._state.versions if each.number == version.number), version)
        if known != version:
            raise StateMismatch(
                f"version {version.number} was committed as content {known.digest} from {known.at_ms} on, the state "
                f"folder says {version.digest} from {version.at_ms} on: its list of versions is not the newest one"
            )

    def _mark_idle(self) -> None:
        """Let silent partitions follow, as far as the supervisor says."""
        if self._held:
            return
        watermarks = self._state.shard.watermarks()
        for partition in sorted(self._silence.idle(self._idle_after, self._clock.monotonic())):
            task, goal = self._task_of[partition], self._paces.get(partition.topic)
            if goal is not None and goal > watermarks.get(task, BEGINNING):
                mark = Mark(task, self._open.ends[task], goal)
                self._state.shard.mark(mark)
                self._open.marks.append(mark)
        self._drain()

    # ── take and evaluate ──

    def _take(self) -> None:
        if self._held or self._too_far_ahead():
            self._commits.settle(_TAKE_S / 5)
            if not self._commits.busy:
                self._clock.sleep(_TAKE_S / 5)
            return
        self._gather()
        begun = self._clock.monotonic()
        try:
            taken = self._reader.take(self._portion.records, self._patience_s())
        except Unavailable as error:
            self._trying(str(error))
            self._clock.sleep(0.5)
            return
        now = self._clock.monotonic()
        self._meter.add("take_seconds_total", now - begun)
        self._open.timing.parts["consume"] += now - begun
        self._silence.note(taken, now)
        self._lead.note(taken, now)
        if taken.batches:
            if not self._open.records:
                self._open.now_ms = self._seconds_ms()
            laps = self._state.shard.laps
            decoded_s = laps.seconds[DECODE]
            laps.start()
            for batch in taken.batches:
                self._feed(batch)
            outputs = self._drain()
            failpoint("worker.evaluated")
            seconds = self._clock.monotonic() - now
            self._meter.add("evaluate_seconds_total", seconds)
            self._time_evaluation(seconds, decoded_s)
            self._keeper.worked(seconds)
            self._portion.note(sum(map(len, taken.batches)), seconds, outputs, now)
        self._wait_for_the_slowest(now)

    def _wait_for_the_slowest(self, now: float) -> None:
        if not self._lead.is_on:
            return
        watermarks = self._state.shard.watermarks()
        standing = {each: watermarks.get(task, BEGINNING) for each, task in self._task_of.items() if task.stage == 1}
        hold, release = self._lead.choose(standing, self._others_ms, now)
        if hold:
            self._reader.pause(hold)
        if release:
            self._reader.resume(release)

    def _gather(self) -> None:
        """Let some records come together: while an epoch commits nothing that they cause could go out before."""
        rest_s = self._portion.rest_s
        if rest_s and self._commits.busy:
            self._commits.settle(_GATHER_S)
        elif rest_s:
            self._clock.sleep(rest_s)

    def _time_evaluation(self, seconds: float, decoded_s: float) -> None:
        """`decoded_s` is what decoding had taken in all before."""
        timing, shard = self._open.timing, self._state.shard
        decoding = shard.laps.seconds[DECODE] - decoded_s
        timing.parts["decode"] += decoding
        timing.parts["evaluate"] += max(0.0, seconds - decoding)
        timing.times += shard.take_times()

    def _feed(self, batch: RawBatch) -> None:
        task = self._task_of[Partition(batch.topic, batch.partition)]
        span = f"{batch.offsets[0]} to {batch.offsets[-1]}"
        self._link.at_work(f"{batch.topic}[{batch.partition}] offsets {span}, epoch {self._open.number}")
        feed(self._state.shard, task, batch, self._open.now_ms)
        self._link.at_work("")
        if task.stage == 1:
            self._open.timing.stamps += sample(batch.timestamps)
        self._open.ends[task] = batch.offsets[-1] + 1
        self._open.records += len(batch)
        self._meter.add("records_total", len(batch), (("topic", batch.topic),))

    def _seconds_ms(self) -> int:
        """The clock, rounded up to whole seconds: epochs that share it are replayed as one."""
        return -(-self._steady.now_ms() // 1_000) * 1_000

    def _too_far_ahead(self) -> bool:
        """An epoch commits, and what came meanwhile is as much as we want to hold."""
        return self._commits.busy and (
            self._open.records >= _MOST_TAKES_AHEAD * self._settings.batch_records
            or self._open.size >= _MOST_OUTPUTS_AHEAD
            or self._open.bytes >= _MOST_BYTES_AHEAD
        )

    def _patience_s(self) -> float:
        """How long to wait for records: not at all where a commit is due as soon as the last one has come."""
        if self._open.is_urgent:
            return 0.002 if self._commits.busy else 0.0
        return 0.0 if self._preparing else _TAKE_S

    def _drain(self) -> int:
        """How many outputs came."""
        letters = self._state.shard.take_letters()
        outputs, exchanged = self._state.shard.drain()
        self._open.take(outputs, exchanged, letters)
        return len(outputs) + len(exchanged) + sum(map(len, letters))

    # ── commit ──

    def _open_epoch(self, must_commit: bool = False) -> None:
        self._open = OpenEpoch(
            number=self._state.epoch + 1,
            now_ms=self._seconds_ms(),
            starts=self._state.positions,
            ends=dict(self._state.positions),
            begun=self._clock.monotonic(),
            must_commit=must_commit,
        )

    def _pace(self) -> None:
        """Commit at once when outputs are urgent, or a change is coming, else about once in `commit_every_ms`, if there
        is anything new."""
        self._commits.settle(0)
        if self._commits.busy:
            return
        if self._open.is_empty:
            self._keeper.take_if_due(self._state)
            self._ask_if_due()
            return
        age_ms = (self._clock.monotonic() - self._open.begun) * 1000
        due = self._open.is_urgent or self._open.must_commit or age_ms >= self._settings.commit_every_ms
        if due or self._held:
            self._seal()

    def _ask_if_due(self) -> None:
        """Whoever commits nothing would not hear that another daemon has taken the shard over."""
        now = self._clock.monotonic()
        if self._assignment.tenure and now - self._asked >= _ASK_S and self._asks.settle(0):
            self._asked = now
            self._asks.start(partial(self._committer.ask, list(self._state.tasks.values())))

    def _settle_commit(self) -> None:
        while not self._commits.settle(_REPORT_S):
            self._report()
        self._keeper.turn(committed=not self._commits.busy)

    def _seal(self) -> None:
        """Close the open epoch, let it commit, and begin the next one."""
        state, epoch = self._state, self._open
        state.epoch, state.positions = epoch.number, epoch.ends
        state.settle()
        sealed = Sealed(
            record=self._record(epoch),
            outputs=tuple(epoch.outputs),
            exchanged=tuple(epoch.exchanged),
            positions=self._positions(),
            emitted_at_ms=self._clock.now_ms(),
            letters=tuple(epoch.letters),
        )
        self._keeper.take_if_due(state)
        self._meter.sealed(epoch)
        self._asked = self._sealed = self._clock.monotonic()
        self._commits.start(partial(self._commit, sealed, epoch))
        self._open_epoch()

    def _record(self, epoch: OpenEpoch) -> EpochRecord:
        return EpochRecord(
            owner=self._owner,
            epoch=epoch.number,
            now_ms=epoch.now_ms,
            ranges=epoch.ranges(),
            marks=tuple(epoch.marks),
            switches=tuple(epoch.switches),
            version=self._state.version.number,
            content=self._state.content.digest,
            engine=streamwatchd.__version__,
            watermarks_ms=self._state.shard.watermarks(),
            pasts=epoch.pasts,
        )

    def _positions(self) -> dict[Partition, Committed]:
        """Every owned partition, moved or not, so that all carry the same epoch."""
        tenure = self._assignment.tenure
        text = str(stamp_of(self._owner, self._state.epoch, closed=self._closed, tenure=tenure))
        return {self._state.tasks[task]: Committed(offset, text) for task, offset in self._state.positions.items()}

    def _commit(self, sealed: Sealed, epoch: OpenEpoch) -> None:
        """In the background: the transaction that decides."""
        begun = self._clock.monotonic()
        self._keeper.note_epoch(sealed.record)
        noted = self._clock.monotonic()
        self._committer.commit(sealed)
        failpoint("epoch.committed")
        produced_s = self._committer.produce_seconds
        epoch.timing.parts |= {
            "journal": noted - begun,
            "produce": produced_s,
            "commit": self._clock.monotonic() - noted - produced_s,
        }
        self._meter.committed(epoch, self._clock.monotonic() - begun)

    # ── report and leave ──

    def _report(self) -> None:
        """With what is so now. Signs of life that go out in between, with what was seen last, put it off by nothing."""
        now = self._clock.monotonic()
        if now - self._looked >= _REPORT_S:
            self._looked = now
            self._look()
            self._link.report(self._meter.report())

    def _look(self) -> None:
        idle = {self._task_of[each] for each in self._silence.idle(self._idle_after, self._clock.monotonic())}
        behind = {self._task_of[each] for each in self._lead.behind(self._clock.monotonic())}
        self._meter.look(self._state, idle, self._reader.positions())
        self._meter.look_at_lead(behind, {self._task_of[each] for each in self._lead.held})
        waited_s = self._clock.monotonic() - self._sealed if self._commits.busy else None
        self._meter.look_at_commit(self._state.epoch, waited_s)

    def _leave(self) -> None:
        """Finish the epoch and write a snapshot, so that the next start replays nothing."""
        self._meter.phase = "leaving"
        self._link.report(self._meter.report())
        self._settle_commit()
        self._drain()
        self._closed = self._assignment.closing
        if self._closed or not self._open.is_empty:
            self._seal()
            self._settle_commit()
        self._keeper.leave(self._state, self._report)
        self._look()
        self._link.report(self._meter.report())
