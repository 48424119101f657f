"""What a change does to the state of a flow, read off the flow once it has been told of the change.

`swctl plan` asks a flow without data: it wires, keeps and ends what the running one would, by the same code.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from streamwatchd.operators.asking import BEGINNING, FOREVER
from streamwatchd.operators.flow import Flow
from streamwatchd.operators.kpi import KpiNode
from streamwatchd.operators.node import Node, first_multiple_above, first_multiple_from
from streamwatchd.operators.promotion import names_now
from streamwatchd.operators.row_alarm import RowAlarmNode
from streamwatchd.operators.spec import Reading, Window
from streamwatchd.operators.window_alarm import WindowAlarmNode
from streamwatchd.operators.wire import Wire, names_of, rules_of


@dataclass(frozen=True, slots=True)
class Warming:
    """A reading that has not all of its window when the rules change: from `whole_ms` on it has."""

    reading: Reading
    whole_ms: int


@dataclass(frozen=True, slots=True)
class Outlook:
    """A rule from the instant E on. `unbroken`: its node goes on as it is. `heir_of` is the rule, by its old name,
    whose alarms or open sessions it takes over; "" if there is none. `unheard_ms` > 0: it reads other panes than that
    one, and alarms of keys of which these hear nothing end so long after E.
    """

    rule: str
    unbroken: bool
    heir_of: str
    unheard_ms: int
    warming: tuple[Warming, ...]


@dataclass(frozen=True, slots=True)
class Ending:
    """A rule, by its old name, whose alarms resolve at E with a reason."""

    rule: str
    reason: str


def outlooks(flow: Flow, at_ms: int) -> Iterator[Outlook]:
    """The rules in force after a change at E."""
    for wire in flow.wires.values():
        if wire.until_ms == FOREVER:
            for rule in sorted(rules_of(wire.node)):
                yield _outlook(flow, wire, rule, at_ms)


def endings(flow: Flow) -> Iterator[Ending]:
    """Alarms that nobody takes over."""
    for name, wire in flow.wires.items():
        if wire.until_ms < FOREVER:
            heirs = [heir for heir in flow.wires.values() if heir.until_ms == FOREVER and name in heir.after]
            for rule in sorted(names_of(wire.node)):
                if not any(_goes_on(wire, heir.node, rule) for heir in heirs):
                    yield Ending(rule, wire.left.reason(rule))


def _goes_on(old: Wire, heir: Node, rule: str) -> bool:
    """Whether the alarms of a rule that ends go on in an heir."""
    if not isinstance(old.node, WindowAlarmNode | RowAlarmNode) or not isinstance(heir, WindowAlarmNode | RowAlarmNode):
        return False
    now = names_now(old.node.spec.members, heir.spec.members, old.left.renamed)
    return now(rule) in names_of(heir)


def _outlook(flow: Flow, wire: Wire, rule: str, at_ms: int) -> Outlook:
    unbroken = wire.begins_ms < at_ms
    before = _predecessor(flow, wire, rule)
    return Outlook(
        rule=rule,
        unbroken=unbroken,
        heir_of=rule if unbroken else (before[0] if before else ""),
        unheard_ms=_unheard_ms(before[1], wire.node) if before else 0,
        warming=() if unbroken else tuple(_warming(wire.node, rule, at_ms, before[1] if before else None)),
    )


def _predecessor(flow: Flow, wire: Wire, rule: str) -> tuple[str, Node] | None:
    """The rule whose state goes on in this one, and its node."""
    for name in wire.after:
        old = flow.wires[name]
        for was in sorted(rules_of(old.node)):
            if old.left.renamed.get(was, was) == rule:
                return was, old.node
    return None


def _unheard_ms(old: Node, new: Node) -> int:
    if not isinstance(old, WindowAlarmNode) or not isinstance(new, WindowAlarmNode) or old.family is new.family:
        return 0
    return new.reach_ms


def _warming(node: Node, rule: str, at_ms: int, before: Node | None) -> Iterator[Warming]:
    """Readings that are not whole at the first judgement above E, each with the first judgement at which it is."""
    if not isinstance(node, KpiNode | WindowAlarmNode) or (isinstance(node, WindowAlarmNode) and node.spec.partial):
        return
    every_ms, known_ms = node.spec.every_ms, _known_from(node, rule, before)
    history_ms = node.spec.min_history_ms if isinstance(node, WindowAlarmNode) else None
    for reading, kept_ms in zip(node.reader.readings, node.reader.whole_from, strict=True):
        window, since_ms = reading.window, max(kept_ms, known_ms)
        whole_ms = _whole_from(node, window, since_ms)
        if history_ms is not None:
            whole_ms = min(whole_ms, first_multiple_from(since_ms + history_ms, every_ms))
        if whole_ms > _first_above(node, at_ms):
            yield Warming(reading, whole_ms)


def _first_above(node: KpiNode | WindowAlarmNode, time_ms: int) -> int:
    days = node.spec.days if isinstance(node, KpiNode) else None
    return int(first_multiple_above(time_ms, node.spec.every_ms)) if days is None else days.first_from(time_ms + 1)


def _whole_from(node: KpiNode | WindowAlarmNode, window: Window, since_ms: int) -> int:
    """The first T at which a window begins at or after an instant."""
    days = node.spec.days if isinstance(node, KpiNode) else None
    if days is None:
        return first_multiple_from(
            first_multiple_from(since_ms + window.size_ms, window.step_ms) + window.ago_ms, node.spec.every_ms
        )
    if since_ms <= BEGINNING:
        return since_ms
    whole_ms = days.first_from(since_ms)
    while window.start(whole_ms) < since_ms:
        whole_ms = days.first_from(whole_ms + 1)
    return whole_ms


def _known_from(node: KpiNode | WindowAlarmNode, rule: str, before: Node | None) -> int:
    """Since when keys of the rule are followed: one that speaks all the time is known from then on.

    Where keys are expected, those from the same table stay known.
    """
    if isinstance(node, WindowAlarmNode) and node.expected is not None:
        old = before.expected if isinstance(before, WindowAlarmNode) else None
        is_same = old is not None and old.spec.table == node.expected.spec.table
        return node.family.begins_ms if is_same else max(node.family.begins_ms, node.begins_ms or 0)
    constants = next(member.constants for member in node.spec.members if member.name == rule)
    if isinstance(node, KpiNode):
        return max(node.counts_from, node.family.follows_from(constants))
    noted_ms = first_multiple_from(node.known.begins_ms, node.family.finest.width_ms)
    return max(noted_ms, node.family.begins_ms, node.family.follows_from(constants))
