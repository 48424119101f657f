"""What versions of the rules ask for, from when and until when: state outlives the rules that asked for it by a grace.

Everything here goes by the instants E of the changes and by nothing else, so that a replay, another batch or another
number of shards comes to the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from math import lcm

from streamwatchd.operators.spec import FamilySpec, TableSpec
from streamwatchd.operators.stage_spec import StageSpec

BEGINNING, FOREVER = -(2**62), 2**62

GRACE_MS = 900_000
"""How long, in event time, panes that no rule reads any more are still fed: an edit taken back finds them whole."""

MOST_ASKS = 4
"""Of so many versions at most; with the next one the oldest one's grace ends."""


@dataclass(frozen=True, slots=True)
class StageAsk:
    """A version's stage, in force from `from_ms`; what it asks for is kept until `until_ms`."""

    from_ms: int
    until_ms: int
    spec: StageSpec


@dataclass(frozen=True, slots=True)
class Ask:
    """The same of one family."""

    from_ms: int
    until_ms: int
    spec: FamilySpec


def asked_anew(asks: Sequence[StageAsk], at_ms: int, spec: StageSpec) -> list[StageAsk]:
    """The asks after a change at E: the one before has its grace, and of too many the oldest ends."""
    *older, last = asks
    kept = [*older, replace(last, until_ms=at_ms + GRACE_MS)]
    running = [number for number, ask in enumerate(kept) if ask.until_ms >= at_ms]
    for number in running[: max(0, len(running) - MOST_ASKS)]:
        kept[number] = replace(kept[number], until_ms=min(kept[number].until_ms, at_ms))
    return [*kept, StageAsk(at_ms, FOREVER, spec)]


def grace_ends(instants_ms: Sequence[int]) -> int:
    """Of versions with these instants, in order: until when what only the first one asks for is kept."""
    capped = instants_ms[MOST_ASKS + 1] if len(instants_ms) > MOST_ASKS + 1 else FOREVER
    return min(instants_ms[1] + GRACE_MS, capped)


def asks_of_families(asks: Iterable[StageAsk]) -> dict[str, list[Ask]]:
    """Per family, oldest first. A KPI that is gone gives no more rows, so panes of its rows have no grace."""
    found: dict[str, list[Ask]] = {}
    kept = list(asks)
    for ask, later in zip(kept, [*kept[1:], None], strict=True):
        for family in (*ask.spec.families, *ask.spec.sends):
            until = later.from_ms if family.meaning and later is not None else ask.until_ms
            found.setdefault(family.id, []).append(Ask(ask.from_ms, until, family))
    return found


def paces_of(asks: Iterable[StageAsk]) -> dict[str, int]:
    """The multiples, in ms, by which nodes and streams go on; a stream that was of another KPI by those of both."""
    found: dict[str, int] = {}
    for ask in asks:
        for name, pace_ms in ask.spec.paces.items():
            found[name] = lcm(pace_ms, found.get(name, 1))
    return found


def united(asks: Sequence[Ask]) -> FamilySpec:
    """The newest family with the tables that only older asks name."""
    newest = asks[-1].spec
    tables = {table.width_ms: table for table in newest.tables}
    for ask in asks[:-1]:
        for table in ask.spec.tables:
            known = tables.get(table.width_ms)
            tables[table.width_ms] = table if known is None else _both(known, table)
    track = any(ask.spec.track_times for ask in asks)
    amend_ms = max(ask.spec.amend_ms for ask in asks)
    return replace(
        newest, tables=tuple(tables[width] for width in sorted(tables)), track_times=track, amend_ms=amend_ms
    )


def _both(one: TableSpec, other: TableSpec) -> TableSpec:
    accumulations = tuple(dict.fromkeys((*one.accumulations, *other.accumulations)))
    return replace(one, accumulations=accumulations, retention_ms=max(one.retention_ms, other.retention_ms))


@dataclass(frozen=True, slots=True)
class Life:
    """A stretch of event time over which rows with these constants are taken in."""

    from_ms: int
    until_ms: int
    admits: tuple[frozenset[str], ...]


def lives(asks: Sequence[Ask]) -> list[Life]:
    """The stretches of a family, those that touch and admit the same joined."""
    found: list[Life] = []
    for ask in asks:
        life = Life(ask.from_ms, ask.until_ms, ask.spec.admits)
        same = next((each for each in found if each.admits == life.admits and each.until_ms >= life.from_ms), None)
        if same is None:
            found.append(life)
        else:
            found[found.index(same)] = replace(same, until_ms=max(same.until_ms, life.until_ms))
    return found


def table_of(spec: FamilySpec, width_ms: int) -> TableSpec | None:
    return next((table for table in spec.tables if table.width_ms == width_ms), None)
