"""Which late events a rule with `late: amend` takes in, from when on, and which closed windows they change.

A late event comes at `arrival`, the first instant that its partition's watermark had not passed. The rule reads it at
each T > arrival; at the first such T it judges the windows again that hold it and ended before. It is too late when the
first window end that could hold it lies more than `amend_for` before that T. No T is in a pause, nor is
the end of a window that is judged again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass

from streamwatchd.lang.typed import Aggregate
from streamwatchd.rules.ruleset import Rule
from tests.oracle.local_days import next_judged
from tests.oracle.reading import Row


@dataclass(frozen=True, slots=True)
class LateRow:
    """`taken` is the first T that reads it."""

    taken: int
    stream: str
    row: Row
    key: tuple[object, ...]


IsPaused = Callable[[int], bool]


def taken_at(rule: Rule, arrival: int, time: int, is_paused: IsPaused) -> int | None:
    """The first T that reads the event, None where it is too late."""
    t, first_end = next_judged(rule, arrival), next_judged(rule, time)
    while is_paused(t) and t - first_end <= rule.amend_for_ms:
        t = next_judged(rule, t)
    return t if t - first_end <= rule.amend_for_ms else None


def closed_ends(rule: Rule, late: list[LateRow], t: int, is_paused: IsPaused) -> Iterator[int]:
    """The ends of windows that may be judged again at T."""
    fresh = [each.row.time for each in late if each.taken == t]
    if fresh:
        end = next_judged(rule, min(fresh))
        while end < t:
            if not is_paused(end):
                yield end
            end = next_judged(rule, end)


def touches(
    rule: Rule, late: list[LateRow], t: int, key: tuple[object, ...], spans: dict[Aggregate | None, tuple[int, int]]
) -> bool:
    """Whether an event taken in at T lies in one of the spans, for this key; None stands for the rule's own window."""
    for each in late:
        if each.taken != t:
            continue
        for node, (start, end) in spans.items():
            names = [part.name for part in rule.by] if node is None or node.by is None else node.by
            places = [index for index, part in enumerate(rule.by) if part.name in names]
            if start <= each.row.time < end and all(each.key[place] == key[place] for place in places):
                return True
    return False
