"""A shard: a set of tasks in one process, pure (no I/O, no clock; time is an argument)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import replace
from types import MappingProxyType

from streamwatchd.batch import RawBatch
from streamwatchd.enrichment.table import TableData
from streamwatchd.enrichment.table_history import TableHistory
from streamwatchd.operators.dimension import Dimensions
from streamwatchd.operators.stage_spec import LogicalPlan, SourceSpec, StageSpec
from streamwatchd.packing import weight
from streamwatchd.plan.program import Program
from streamwatchd.ports.laps import Laps
from streamwatchd.ports.telemetry import Labels
from streamwatchd.shard.exchange import feeder_name
from streamwatchd.shard.output import TABLES, ExchangeRecord, Letters, Mark, Output, TaskId
from streamwatchd.shard.past import Past
from streamwatchd.shard.scoring import counted, expected
from streamwatchd.shard.stretch import Filled
from streamwatchd.shard.task import NEVER, MergeTask, Picture, SourceTask, Task, distrusting
from streamwatchd.shard.work import labels_of, measured, node_labels, readers, speakers


class Shard:
    """Evaluates records of its tasks; outputs pile up until they are drained.

    Feeding the same records and marks in the same order per task gives the same outputs, whatever the batches and the
    order among tasks.
    """

    def __init__(
        self,
        program: Program,
        tables: Mapping[str, TableData],
        tasks: Iterable[TaskId],
        partitions: Mapping[str, int],
        exchange_partitions: int,
        max_future_ms: int = 300_000,
        laps: Laps | None = None,
    ) -> None:
        """`partitions` maps every source topic to its partition count (merge tasks know their feeders by it)."""
        self.laps = laps or Laps()
        self.program, self.tables = program, dict(tables)
        self.history = TableHistory(tables)
        self.partitions, self.exchange_partitions = dict(partitions), exchange_partitions
        self.max_future_ms = max_future_ms
        self.tasks: dict[TaskId, Task] = {task: self._make(task, program) for task in sorted(tasks)}
        self._outputs: list[Output] = []
        self._letters: list[Letters] = []

    def _make(self, task: TaskId, program: Program, coming: Program | None = None) -> Task:
        """`coming` is asked for a source that the program does not have: nothing reads it before the change."""
        made = self._task(task, program, coming)
        made.flow.laps, made.flow.wiring.speakers = self.laps, speakers(program.plan)
        if isinstance(made, SourceTask):
            made.readers = readers(program.plan)
        return made

    def _task(self, task: TaskId, program: Program, coming: Program | None) -> Task:
        plan = program.plan
        dimensions = Dimensions(self.tables, plan.defaults, plan.models, plan.silences, plan.acks)
        if task.stage == 1:
            source = _source(plan, task.topic)
            if source is None:
                source = _source(coming.plan, task.topic) if coming is not None else None
                assert source is not None, task
                stage = StageSpec(1, (source.name,), (), {})
            else:
                stage = plan.first[source.name]
            return SourceTask(task, source, stage, dimensions, self.exchange_partitions)
        stage = _stage(plan, task.stage)
        return MergeTask(task, stage, self._feeders(plan, stage), dimensions, self.exchange_partitions)

    def _feeders(self, plan: LogicalPlan, stage: StageSpec) -> dict[str, frozenset[str]]:
        return {stream: self._feeding_tasks(plan.feeders[stream]) for stream in stage.inputs}

    def _feeding_tasks(self, origins: tuple[str, ...]) -> frozenset[str]:
        names: list[str] = []
        for origin in origins:
            if origin.startswith("@"):
                stage = int(origin[1:])
                names += [feeder_name(TaskId(stage, "", p)) for p in range(self.exchange_partitions)]
            else:
                names += [feeder_name(TaskId(1, origin, p)) for p in range(self.partitions[origin])]
        return frozenset(names)

    # input

    def step(self, raw: RawBatch, now_ms: int) -> None:
        """Take in records of a source partition. `now_ms` bounds stamps from the future (+ `max_future_ms`)."""
        task = self.tasks[TaskId(1, raw.topic, raw.partition)]
        assert isinstance(task, SourceTask)
        self._outputs += task.step(raw, now_ms, self.max_future_ms)
        self._letters += task.take_letters()

    def merge(self, stage: int, partition: int, payloads: list[bytes]) -> None:
        """Take in records of an exchange partition."""
        task = self.tasks[TaskId(stage, "", partition)]
        assert isinstance(task, MergeTask)
        self._outputs += task.step(payloads)

    def mark(self, mark: Mark) -> None:
        """Let a task's watermark go on without a record."""
        self._outputs += self.tasks[mark.task].advance(mark.watermark_ms)

    # output

    def take_letters(self) -> list[Letters]:
        """The dead letters since they were taken or drained last, packed."""
        letters, self._letters = self._letters, []
        return letters

    def drain(self) -> tuple[list[Output], list[ExchangeRecord]]:
        """All outputs since the last call; dead letters that nobody took come first."""
        outputs = [letter for packed in self.take_letters() for letter in packed.outputs()]
        outputs += self._outputs
        self._outputs = []
        records = [record for task in self.tasks.values() for record in task.exchange()]
        return outputs, records

    def take_times(self) -> list[int]:
        """Event times in ms of a few of the events since the last call."""
        found: list[int] = []
        for task in self.tasks.values():
            if isinstance(task, SourceTask) and task.times:
                found += task.times
                task.times = []
        return found

    def work(self) -> Iterable[tuple[str, Labels, float]]:
        """Counters of where the time went, by rule."""
        yield from measured(self.laps, labels_of(self.program.plan))
        yield from expected(self.program.plan)

    # change

    def pasts(
        self,
        at_ms: int,
        program: Program,
        tables: Mapping[str, TableData],
        tables_ms: Mapping[TaskId, int] = MappingProxyType({}),
    ) -> dict[TaskId, Past]:
        """Of tasks in which panes would begin empty at E: who takes in their past, for `switch` to take it over.

        `tables_ms`: in a replay, from when on it was known then what rows of tables had been.
        """
        self.history.foresee(tables)
        found: dict[TaskId, Past] = {}
        for name, task in self.tasks.items():
            source = _source(program.plan, name.topic) if name.stage == 1 else None
            if source is None or not isinstance(task, SourceTask) or task.has_ended:
                continue
            gaps = task.flow.wiring.gaps(at_ms, program.plan.first[source.name], program.plan.sessions())
            if gaps:
                found[name] = Past(
                    task, source, gaps, self.history, tables, program.plan, self.max_future_ms, tables_ms.get(name)
                )
        return found

    def switch(
        self,
        at_ms: int,
        program: Program,
        tables: Mapping[str, TableData],
        tasks: Iterable[TaskId] = (),
        pasts: Filled = MappingProxyType({}),
    ) -> None:
        """New rules and tables from the event-time instant `at_ms` (E): it must lie above `max_event_time()`.

        `tasks` are those of this shard from here on, of which new ones begin at E (the rules may ask for another
        stage, or have another source); without a stage or source in the new rules, a task ends what it does. `pasts`
        have taken in what the tasks have, and each all rows from the instant beside it on.
        """
        fresh = sorted(set(tasks) - self.tasks.keys())
        self.tasks |= {task: self._make(task, self.program, program) for task in fresh}
        plan, living = _sharing(program.plan, self.program.plan), program.plan.alarm_names()
        was, now = self.program.plan.placed, plan.placed
        moved = {topic for topic in {*was, *now} if was.get(topic) != now.get(topic)}
        self.program, self.tables = replace(program, plan=plan), dict(tables)
        self.history.switch(at_ms, tables)
        told_by, read_by = speakers(plan), readers(plan)
        for name, task in self.tasks.items():
            task.flow.wiring.speakers = told_by
            if isinstance(task, SourceTask):
                task.readers = read_by
                source = _source(plan, name.topic)
                if source is None:
                    self._outputs += task.end(at_ms, tables, plan, living)
                else:
                    past, from_ms = pasts.get(name, (None, 0))
                    filling = past.filling(from_ms) if isinstance(past, Past) else None
                    task.switch(
                        at_ms, source, plan.first[source.name], tables, plan, living, filling,
                        placed_anew=name.topic in moved,
                    )  # fmt: skip
                    if isinstance(past, Past):
                        past.fill(task, from_ms)
            else:
                stage = _stage(plan, name.stage)
                task.switch(at_ms, stage, self._feeders(plan, stage), tables, plan, living)

    def forget_rows(self, before_ms: int) -> None:
        """No old record of before this will be read once more: what rows of tables were until then is of no use."""
        self.history.forget_before(before_ms)

    def max_event_time(self) -> int:
        """The largest event time that any task has taken in, or a very small number."""
        return max((task.max_time for task in self.tasks.values() if isinstance(task, SourceTask)), default=NEVER)

    def watermarks(self) -> dict[TaskId, int]:
        """Per task, for idleness, journal and metrics; one whose stage or source is gone has none."""
        return {
            name: task.watermark
            for name, task in self.tasks.items()
            if (not task.has_ended if isinstance(task, SourceTask) else bool(task.flow.limits))
        }

    # state

    def snapshot(self) -> dict[TaskId, Picture]:
        """The state of every task at this instant; what happens afterwards does not change it."""
        earlier = self.history.snapshot()
        pictures: dict[TaskId, Picture] = {} if earlier is None else {TABLES: earlier}
        return pictures | {name: task.snapshot() for name, task in self.tasks.items()}

    def restore(self, states: Mapping[TaskId, Picture]) -> None:
        """The inverse; raises SnapshotCorrupt where a state can't be read."""
        with distrusting(TABLES):
            self.history.restore(states.get(TABLES))
        for name, state in states.items():
            if name != TABLES:
                self.tasks[name].restore(state)

    def counters(self) -> dict[tuple[str, Labels], int]:
        """(name, labels) → count since start: events, late, dead letters by reason, dropped, unkeyed, keys, …"""
        totals: Counter[tuple[str, Labels]] = Counter({("table_earlier_rows", ()): self.history.size})
        for task in self.tasks.values():
            source = task.source.name if isinstance(task, SourceTask) else f"stage {task.id.stage}"
            here = (("source", source),)
            for text, count in task.counts.items():
                name, _, reason = text.partition(":")
                totals[name, (("reason", reason), *here) if reason else here] += count
            if isinstance(task, SourceTask):
                for rule, count in task.late_by_rule.items():
                    totals["rule_late", (("rule", rule), *here)] += count
            for family in task.flow.families.values():
                totals["unkeyed", here] += family.unkeyed
            totals["overflowed", here] += task.flow.overflowed()
            for name, labels, count in counted(task.flow):
                totals[name, labels] += count
            for space in task.flow.spaces.values():
                totals["keys", (("by", ",".join(space.names)), ("stage", str(task.id.stage)))] += space.living
        return dict(totals)

    def state_bytes(self, states: Mapping[TaskId, Picture]) -> dict[Labels, int]:
        """About the bytes of a snapshot, by kind, rule and stage: of panes and since when their keys are known, by the
        first rule that reads them; of what nodes keep; of the keys themselves. `states` is a snapshot of now."""
        names = labels_of(self.program.plan)
        totals: Counter[Labels] = Counter()
        for name, task in self.tasks.items():
            *_, flow = states[name]
            stage = name.stage
            for each, family in task.flow.families.items():
                panes = sum(table.packed_bytes() for table in family.tables.values())
                totals[_whose(names, each, "panes", stage)] += panes + family.known_bytes
            for each, node in flow["nodes"].items():
                totals[_whose(names, each, "others", stage)] += weight(node)
            totals[node_labels("keys", "", stage)] += sum(weight(keys) for _, keys, _ in flow["spaces"])
        return dict(totals)


def _whose(names: Mapping[str, Labels], each: str, kind: str, stage: int) -> Labels:
    """One that is gone from the rules, or ends, is of nobody."""
    its = dict(names.get(each, ()))
    return node_labels(its.get("kind", kind), its.get("rule", ""), stage)


def _sharing(plan: LogicalPlan, older: LogicalPlan) -> LogicalPlan:
    """The plan, with the parts of an older one where these are equal."""
    nothing = StageSpec(0, (), (), {})
    first = {name: stage.sharing(older.first.get(name, nothing)) for name, stage in plan.first.items()}
    later = tuple(stage.sharing(_stage(older, stage.stage)) for stage in plan.later)
    return replace(plan, first=first, later=later)


def _source(plan: LogicalPlan, topic: str) -> SourceSpec | None:
    return next((source for source in plan.sources.values() if source.topic == topic), None)


def _stage(plan: LogicalPlan, stage: int) -> StageSpec:
    """The work of a later stage; nothing where the plan has none."""
    return plan.later[stage - 2] if stage - 2 < len(plan.later) else StageSpec(stage, (), (), {})
