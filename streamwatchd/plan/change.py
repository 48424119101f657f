"""What an edit does to state: which stays, which warms and until when, which goes, and whose alarms resolve.

The old plan is wired as the engine wires it, without data, and told of the new one; what is said here is read off
that flow. It holds for old rules that have run for as long as their windows are.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from math import lcm

from streamwatchd.lang.units import format_duration
from streamwatchd.operators.asking import GRACE_MS
from streamwatchd.operators.dimension import Dimensions
from streamwatchd.operators.flow import Flow
from streamwatchd.operators.gap import Filling, Gap
from streamwatchd.operators.outlook import Ending, Outlook, endings, outlooks
from streamwatchd.operators.spec import FamilySpec, LearningAlarmSpec, TableSpec
from streamwatchd.operators.stage_spec import LogicalPlan, StageSpec
from streamwatchd.plan.describe import describe
from streamwatchd.plan.explain import baseline_bytes, family_keys, pane_count, table_bytes
from streamwatchd.plan.placement import Placement, nodes, placement, stages
from streamwatchd.rules.ruleset import Alarm, Anomaly, Rule, RuleSet

_MOST_MS = 2**46
"""In the year 4199: calendars and time zones know of twice as much."""


@dataclass(frozen=True, slots=True)
class Side:
    """A rule set with its plan."""

    plan: LogicalPlan
    rules: RuleSet


@dataclass(frozen=True, slots=True)
class Panes:
    """One table of panes that a rule reads, and about what it keeps per key; one that goes does so `later_ms` later."""

    text: str
    bytes_before: int
    bytes_after: int
    later_ms: int = 0


@dataclass(frozen=True, slots=True)
class Wait:
    """A window that is not whole for up to `ms` of event time after the change."""

    window: str
    ms: int


@dataclass(frozen=True, slots=True)
class Fill:
    """Records of a source's topic that are read once more: those of the last `ms` before the change."""

    topic: str
    ms: int


@dataclass(frozen=True, slots=True)
class RuleChange:
    """One rule. `what` is added, removed, edited, renamed, affected (by the edit of another) or unchanged.

    `was` is its old name. `stays`, `begins` and `goes` are panes that it reads; others may read them too. `alarms` says
    what becomes of its alarms: "stay", "resolve" (with `reason`), or "" where there are none. `unheard_ms` > 0: alarms
    of keys that the new panes never hear of resolve so long after the change. `waits` holds if Kafka still has what
    `fills` names. Of alarms that stay, `promoted`: the rule leaves shadow, so that what is up is told once; `flapping`:
    "begins" (changes count from now on), "recounts" (those that were seen count by other words), "ends", or "".
    """

    what: str
    kind: str
    name: str
    was: str
    place: str
    alarms: str = ""
    reason: str = ""
    unheard_ms: int = 0
    stays: tuple[Panes, ...] = ()
    begins: tuple[Panes, ...] = ()
    goes: tuple[Panes, ...] = ()
    waits: tuple[Wait, ...] = ()
    fills: tuple[Fill, ...] = ()
    promoted: bool = False
    flapping: str = ""


@dataclass(frozen=True, slots=True)
class Change:
    """All rules, those that change first; `bytes_*` are per key of all tables together."""

    rules: tuple[RuleChange, ...]
    bytes_before: int
    bytes_after: int


def compare(old: Side, new: Side, backfill_ms: int = 0) -> Change:
    """What becomes of the state of `old` when `new` takes over; old records are read again so far back."""
    at_ms = _instant(old.plan, new.plan)
    switched = list(_switched(old.plan, new.plan, at_ms, backfill_ms))
    gaps = {name: gap for _, here in switched for name, gap in here.items()}
    flows = [flow for flow, _ in switched]
    renamed = {now: was for flow in flows for was, now in _renames(flow).items()}
    found = _Comparison(
        old, new, at_ms, renamed,
        {each.rule: each for flow in flows for each in outlooks(flow, at_ms)},
        {each.rule: each for flow in flows for each in endings(flow)},
        {name: min(backfill_ms, gap.reach_ms) for name, gap in gaps.items()},
        {e.rule for f, _ in _switched(old.plan, new.plan, at_ms, 0) for e in outlooks(f, at_ms) if e.warming},
    )  # fmt: skip
    order = ("removed", "edited", "renamed", "affected", "added", "unchanged")
    rules = sorted(found.changes(), key=lambda each: order.index(each.what))
    return Change(tuple(rules), _total(old.plan), _total(new.plan))


def _instant(*plans: LogicalPlan) -> int:
    """Just above a multiple of all widths and steps, so that every wait comes out as long as it can be."""
    steps = {
        table.width_ms for plan in plans for _, stage in stages(plan) for f in stage.families for table in f.tables
    }
    steps |= {node.every_ms for plan in plans for _, stage in stages(plan) for node in nodes(stage) if node.every_ms}
    common = 1
    for step in sorted(steps):
        common = lcm(common, step) if lcm(common, step) <= _MOST_MS else common
    return -(-_MOST_MS // common) * common + 1


def _switched(
    old: LogicalPlan, new: LogicalPlan, at_ms: int, backfill_ms: int
) -> Iterator[tuple[Flow, Mapping[str, Gap]]]:
    """The flow of every stage, told of the change, and the gaps that are filled."""
    living, sent = new.alarm_names(), dict[str, int]()
    before, after = ({each.topic: plan.first[name] for name, each in plan.sources.items()} for plan in (old, new))
    for topic in sorted({*before, *after}):
        nothing = StageSpec(1, (), (), {})
        flow = _flow(before.get(topic, nothing), at_ms)
        gaps = flow.wiring.gaps(at_ms, after.get(topic, nothing), new.sessions()) if backfill_ms else {}
        from_ms = at_ms - 1 - min(backfill_ms, max((gap.reach_ms for gap in gaps.values()), default=0))
        flow.switch(at_ms, after.get(topic, nothing), living, Filling(gaps, from_ms))
        sent |= {name: from_ms for name, gap in gaps.items() if gap.is_sent}
        yield flow, gaps
    for number in range(max(len(old.later), len(new.later))):
        nothing = StageSpec(number + 2, (), (), {})
        was = old.later[number] if number < len(old.later) else nothing
        now = new.later[number] if number < len(new.later) else nothing
        flow = _flow(was, at_ms)
        flow.switch(at_ms, now, living)
        for name in sent.keys() & flow.families.keys():
            flow.wiring.fill(flow.families[name], sent[name])
        yield flow, {}


def _flow(old: StageSpec, at_ms: int) -> Flow:
    """One that is full, at E."""
    flow = Flow(old, Dimensions({}, {}), {})
    for family in flow.families.values():
        family.close(at_ms)
    flow.progress.go_on(dict.fromkeys(old.inputs, at_ms))
    return flow


def _renames(flow: Flow) -> dict[str, str]:
    return {was: now for wire in flow.wires.values() for was, now in wire.left.renamed.items()}


def _total(plan: LogicalPlan) -> int:
    families = {family.id: family for _, stage in stages(plan) for family in stage.families}
    alarms = [alarm for _, stage in stages(plan) for alarm in stage.window_alarms]
    learnt = [each for alarm in alarms if isinstance(alarm, LearningAlarmSpec) for each in alarm.baselines]
    panes = sum(table_bytes(table) for family in families.values() for table in family.tables)
    return panes + sum(map(baseline_bytes, learnt))


@dataclass(frozen=True, slots=True)
class _Comparison:
    """`renamed`: new name → old one. `fills`: by family how far back it is filled; `waiting`: rules that would wait if
    none were.
    """

    old: Side
    new: Side
    at_ms: int
    renamed: Mapping[str, str]
    outlooks: Mapping[str, Outlook]
    endings: Mapping[str, Ending]
    fills: Mapping[str, int]
    waiting: Collection[str]

    def changes(self) -> Iterator[RuleChange]:
        before = {rule.name: rule for rule in self.old.rules.rules}
        for rule in self.new.rules.rules:
            was = self.renamed.get(rule.name, rule.name)
            yield self._added(rule) if was not in before else self._kept(before[was], rule)
        gone = before.keys() - {rule.name for rule in self.new.rules.rules} - set(self.renamed.values())
        for name, rule in before.items():
            if name in gone:
                yield self._removed(rule)

    def _added(self, rule: Rule) -> RuleChange:
        there = placement(self.new.plan, rule.name)
        return RuleChange(
            "added", _kind(rule), rule.name, "", str(rule.span),
            stays=self._stays(there), begins=self._begins(there), waits=self._waits(rule.name),
            fills=self._fills(rule.name, there),
        )  # fmt: skip

    def _removed(self, rule: Rule) -> RuleChange:
        ending = self.endings.get(rule.name) if _lasts(rule) else None
        return RuleChange(
            "removed", _kind(rule), rule.name, "", str(rule.span),
            alarms="" if ending is None else "resolve",
            reason="" if ending is None else ending.reason,
            goes=self._goes(placement(self.old.plan, rule.name)),
        )  # fmt: skip

    def _kept(self, was: Rule, rule: Rule) -> RuleChange:
        there = placement(self.new.plan, rule.name)
        outlook, ending = self.outlooks[rule.name], self.endings.get(was.name) if _lasts(was) else None
        found = RuleChange(
            "edited", _kind(rule), rule.name, was.name if was.name != rule.name else "", str(rule.span),
            alarms="resolve" if ending is not None else ("stay" if _lasts(was) else ""),
            reason="" if ending is None else ending.reason,
            unheard_ms=outlook.unheard_ms,
            stays=self._stays(there), begins=self._begins(there), goes=self._goes(placement(self.old.plan, was.name)),
            waits=self._waits(rule.name), fills=self._fills(rule.name, there),
        )  # fmt: skip
        if found.alarms == "stay":
            found = replace(found, promoted=was.shadow and not rule.shadow, flapping=_flapping(was, rule))
        if found.was:
            return replace(found, what="renamed")
        if was.said != rule.said:
            return found
        touched = found.waits or found.fills or found.begins or found.unheard_ms or found.reason
        return replace(found, what="affected" if touched else "unchanged")

    # panes

    def _stays(self, there: Placement) -> tuple[Panes, ...]:
        before = _tables(self.old.plan)
        return tuple(
            Panes(_text(family, table), table_bytes(before[family.id, table.width_ms]), table_bytes(table))
            for family, table in _read(there)
            if (family.id, table.width_ms) in before
        )

    def _begins(self, there: Placement) -> tuple[Panes, ...]:
        before = _tables(self.old.plan)
        return tuple(
            Panes(_text(family, table), 0, table_bytes(table))
            for family, table in _read(there)
            if (family.id, table.width_ms) not in before
        )

    def _goes(self, here: Placement) -> tuple[Panes, ...]:
        """Rows of a KPI that is gone come no more, so panes of them have no grace."""
        after = _tables(self.new.plan)
        return tuple(
            Panes(_text(family, table), table_bytes(table), 0, 0 if family.meaning else GRACE_MS)
            for family, table in _read(here)
            if (family.id, table.width_ms) not in after
        )

    def _fills(self, name: str, there: Placement) -> tuple[Fill, ...]:
        """What is read for it; others that share its panes would not wait without."""
        if name not in self.waiting:
            return ()
        filled = [family for family in there.families if family.id in self.fills]
        topics = {family.stream: self.new.plan.sources[family.stream].topic for family in filled}
        return tuple(
            Fill(topic, max(self.fills[family.id] for family in filled if family.stream == stream))
            for stream, topic in sorted(topics.items())
        )

    def _waits(self, name: str) -> tuple[Wait, ...]:
        found = [Wait(describe(w.reading.aggregate), w.whole_ms - self.at_ms + 1) for w in self.outlooks[name].warming]
        return tuple(dict.fromkeys(found))


def _lasts(rule: Rule) -> bool:
    """Whether it has alarms that stay up; occurrences have no end."""
    return isinstance(rule, Anomaly) or (isinstance(rule, Alarm) and (bool(rule.by) or not rule.windowless))


def _flapping(was: Rule, rule: Rule) -> str:
    """What becomes of keys that flap, where alarms go on."""
    before, after = (each.flapping if isinstance(each, Alarm | Anomaly) else None for each in (was, rule))
    if before == after:
        return ""
    if before is None:
        return "begins"
    return "ends" if after is None else "recounts"


def _kind(rule: Rule) -> str:
    return type(rule).__name__.lower()


def _tables(plan: LogicalPlan) -> dict[tuple[str, int], TableSpec]:
    return {(f.id, table.width_ms): table for _, stage in stages(plan) for f in stage.families for table in f.tables}


def _read(place: Placement) -> Iterator[tuple[FamilySpec, TableSpec]]:
    for family in place.families:
        yield from ((family, table) for table in family.tables)


def _text(family: FamilySpec, table: TableSpec) -> str:
    only = f" where {describe(family.where)}" if family.where is not None else ""
    return f"{family.stream} by {family_keys(family)}{only}, {format_duration(table.width_ms)} × {pane_count(table)}"
