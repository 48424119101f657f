"""Realistic traffic from a seed: five sources, their incidents, disorder, late records and poison.

The same settings give the same bytes, on every machine. Columns first, text last: about 2 µs a record.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum
from typing import Any

import numpy as np
import numpy.typing as npt

from streamwatchd.batch import Times
from streamwatchd.demo import sources
from streamwatchd.demo.effects import Crowd, Curve, Effect, Events, Selection, Thin, meets, moved
from streamwatchd.demo.flaws import FLAWS, spoil
from streamwatchd.demo.incidents import NEEDED_RATE, PAST_HOSTS, Incident, script
from streamwatchd.demo.sources import KINDS, Block, Generator, Kind, Span

HEARTBEAT_SHARE = 0.01
LATE_SHARE = 2e-4
FLAWED_SHARE = 2e-4
LATE_BY_SECONDS = (30.0, 90.0)
SHORTEST_SECONDS = 300
_PAST = 0x9A57
"""The part of a seed that is before its traffic."""


class Nature(IntEnum):
    """What a record is to the daemon: taken in, dropped, late, or a dead letter."""

    EVENT = 0
    HEARTBEAT = 1
    LATE = 2
    FLAWED = 3


@dataclass(frozen=True, slots=True)
class Shape:
    """What to generate. `start_ms` lies on a full minute if windows are to fall alike from run to run.

    `scripted` traffic has the script's incidents, late records and poison; it raises ValueError for a rate at which the
    incidents would not be what they claim. `part` tells stretches of one seed apart. A few servers are heard
    for `past_seconds` before the start.
    """

    start_ms: int
    seconds: int = 1_800
    rate: float = 150.0
    seed: int = 1
    scripted: bool = True
    part: int = 0
    past_seconds: int = 0

    def __post_init__(self) -> None:
        if self.scripted and self.rate < NEEDED_RATE:
            raise ValueError(f"the script of incidents needs at least {NEEDED_RATE:.0f} events/s, not {self.rate:g}")
        if self.seconds < SHORTEST_SECONDS:
            raise ValueError(f"the traffic must be at least {SHORTEST_SECONDS} s long, not {self.seconds}")

    @property
    def end_ms(self) -> int:
        return self.start_ms + 1000 * self.seconds


@dataclass(frozen=True, slots=True)
class Records:
    """One source's records in order of arrival; the arrays and lists have one entry a record.

    `flaws` names what is wrong with the flawed ones, by row. Late records lie more than the source's `max_delay`
    behind what has arrived, all others less.
    """

    kind: Kind
    event_ms: Times
    arrival_ms: Times
    keys: list[bytes]
    payloads: list[bytes]
    natures: npt.NDArray[np.int8]
    flaws: dict[int, str]

    def __len__(self) -> int:
        return len(self.payloads)

    def count(self, nature: Nature) -> int:
        return int(np.count_nonzero(self.natures == nature))


@dataclass(frozen=True, slots=True)
class Traffic:
    """`past` is what comes before the start."""

    shape: Shape
    sources: tuple[Records, ...]
    incidents: tuple[Incident, ...]
    past: tuple[Records, ...] = ()

    def __len__(self) -> int:
        return sum(map(len, self._everything))

    @property
    def _everything(self) -> tuple[Records, ...]:
        return (*self.past, *self.sources)

    def __iter__(self) -> Iterator[tuple[Records, int]]:
        """(source, row) of every record in order of arrival."""
        everything = self._everything
        source = np.repeat(np.arange(len(everything)), [len(records) for records in everything])
        row = np.concatenate([np.arange(len(records)) for records in everything])
        order = np.argsort(np.concatenate([records.arrival_ms for records in everything]), kind="stable")
        for index, position in zip(source[order].tolist(), row[order].tolist()):
            yield everything[index], position

    def count(self, nature: Nature) -> int:
        return sum(records.count(nature) for records in self.sources)


def generate(shape: Shape) -> Traffic:
    """All records in memory: about 300 bytes each."""
    incidents = script(shape.seconds, shape.start_ms, past=shape.past_seconds > 0)
    effects = [effect for incident in incidents for effect in incident.effects]
    past = (_past_of(shape, effects),) if shape.past_seconds else ()
    return Traffic(shape, tuple(records_of(shape, kind, effects) for kind in KINDS), incidents, past)


def records_of(shape: Shape, kind: Kind, effects: Sequence[Effect]) -> Records:
    """One source's."""
    generator = _generator(shape, kind)
    span = Span(shape.start_ms, shape.seconds, shape.seed)
    budget = round(kind.share * shape.rate * shape.seconds)
    beats = round(HEARTBEAT_SHARE * budget)
    blocks = kind.blocks(generator, budget - beats, span)
    blocks.append(sources.heartbeats(generator, kind, np.unique(blocks[0].fields[kind.key]), beats, span))
    _affect(generator, kind, blocks, effects)
    return _arrive(generator, shape, kind, blocks)


def _past_of(shape: Shape, effects: Sequence[Effect]) -> Records:
    """The metrics of a few servers in the time before, as often as later; nothing is late or flawed."""
    kind = next(kind for kind in KINDS if kind.name == "metrics")
    seconds = shape.past_seconds
    before = Shape(shape.start_ms - 1000 * seconds, seconds, shape.rate, shape.seed, scripted=False, part=_PAST)
    generator = _generator(before, kind)
    blocks = kind.blocks(
        generator, round(kind.share * shape.rate * seconds), Span(before.start_ms, seconds, shape.seed)
    )
    for block in blocks:
        block.take(np.isin(block.fields[kind.key].astype(str), PAST_HOSTS))
    _affect(generator, kind, blocks, [moved(effect, seconds) for effect in effects if meets(effect, -seconds, 0)])
    return _arrive(generator, before, kind, blocks)


def _generator(shape: Shape, kind: Kind) -> Generator:
    return np.random.default_rng([shape.seed, KINDS.index(kind), *([shape.part] if shape.part else [])])


def _affect(generator: Generator, kind: Kind, blocks: list[Block], effects: Sequence[Effect]) -> None:
    for effect in effects:
        match effect:
            case Crowd():
                _crowd(generator, kind, blocks, effect)
            case Curve():
                _bend(generator, kind, blocks, effect)
            case Thin():
                _thin(generator, kind, blocks, effect)
            case Events():
                _insert(kind, blocks, effect)
    for block in blocks:
        if block.derive:
            block.derive(block.fields)


def _bend(generator: Generator, kind: Kind, blocks: list[Block], curve: Curve) -> None:
    for block in blocks:
        if kind.name == curve.source and curve.name in block.fields:
            times, values = zip(*curve.points)
            rows = np.flatnonzero(_selected(block, curve.where, times[0], times[-1]))
            wanted = np.interp(block.seconds[rows], times, values) + generator.normal(0, curve.noise, len(rows))
            column = block.fields[curve.name]
            column[rows] = column[rows] * wanted if curve.times else wanted


def _thin(generator: Generator, kind: Kind, blocks: list[Block], thin: Thin) -> None:
    for block in blocks:
        if kind.name == thin.source:
            gone = _selected(block, thin.where, thin.start, thin.end)
            block.take(~(gone & (generator.random(len(gone)) >= thin.keep)))


def _crowd(generator: Generator, kind: Kind, blocks: list[Block], crowd: Crowd) -> None:
    """More records beside those that are there: what they say is drawn from all that are selected."""
    for block in blocks:
        if kind.name == crowd.source:
            rows = np.flatnonzero(_selected(block, crowd.where, crowd.points[0][0], crowd.points[-1][0]))
            times, factors = zip(*crowd.points)
            wanted = np.interp(block.seconds[rows], times, factors)
            like = np.repeat(rows, generator.poisson(np.maximum(wanted - 1.0, 0.0)))
            at = np.minimum(block.seconds[like] + generator.random(len(like)), crowd.points[-1][0])
            said = generator.permutation(like)
            everything = np.concatenate([np.arange(len(block.seconds)), said])
            seconds = np.concatenate([block.seconds, at])
            order = np.argsort(seconds, kind="stable")
            block.take(everything[order])
            block.seconds = seconds[order]


def _insert(kind: Kind, blocks: list[Block], events: Events) -> None:
    if kind.name == "network":
        seconds, names = zip(*events.at)
        size = len(seconds)
        device, link = (np.array([name] * size, dtype=object) for name in (events.device, events.link))
        blocks.append(sources.device_events(np.array(seconds, float), device, link, np.array(names, dtype=object)))


def _selected(block: Block, where: Selection, start: float, end: float) -> npt.NDArray[np.bool_]:
    chosen = (block.seconds >= start) & (block.seconds < end)
    for name, value in where.items():
        if name not in block.fields:
            return np.zeros(len(chosen), np.bool_)
        chosen &= block.fields[name] == value
    return chosen


def _arrive(generator: Generator, shape: Shape, kind: Kind, blocks: list[Block]) -> Records:
    """Render the blocks and put them in the order in which they reach the broker."""
    seconds = np.concatenate([block.seconds for block in blocks])
    keys = np.concatenate([block.fields[kind.key] for block in blocks])
    event_ms = _event_ms(kind, shape, seconds)
    payloads = np.array(_render(kind, blocks, event_ms), dtype=object)
    natures = np.repeat(
        [Nature.HEARTBEAT if block.heartbeat else Nature.EVENT for block in blocks], list(map(_size, blocks))
    )
    arrival_ms = event_ms + _delays_ms(generator, kind, len(seconds))
    flawed = np.zeros(0, np.intp)
    if shape.scripted:
        _delay_some(generator, shape, kind, natures, event_ms, arrival_ms)
        flawed = _flawed(generator, shape, kind, payloads, natures)
    rows = np.concatenate([np.arange(len(seconds)), flawed])
    natures = np.concatenate([natures, np.full(len(flawed), Nature.FLAWED)])
    order = np.argsort(arrival_ms[rows], kind="stable")
    names = {len(seconds) + number: FLAWS[number % len(FLAWS)] for number in range(len(flawed))}
    texts = payloads[rows]
    for row, name in names.items():
        texts[row] = spoil(name, kind, texts[row], shape.end_ms)
    return Records(
        kind,
        event_ms[rows][order],
        arrival_ms[rows][order],
        list(map(str.encode, keys[rows][order].tolist())),
        texts[order].tolist(),
        natures[order].astype(np.int8),
        {place: names[row] for place, row in enumerate(order.tolist()) if row in names},
    )


def _size(block: Block) -> int:
    return len(block.seconds)


def _event_ms(kind: Kind, shape: Shape, seconds: sources.Seconds) -> Times:
    event_ms = shape.start_ms + (1000 * seconds).astype(np.int64)
    return event_ms // 1000 * 1000 if kind.stamp == "s" else event_ms


def _render(kind: Kind, blocks: list[Block], event_ms: Times) -> list[bytes]:
    texts: list[bytes] = []
    for block in blocks:
        times = _stamps(kind, event_ms[len(texts) : len(texts) + _size(block)])
        columns = [block.fields[name].tolist() for name in block.shown]
        texts.extend(map(str.encode, map(block.template.__mod__, zip(times, *columns))))
    return texts


def _stamps(kind: Kind, event_ms: Times) -> list[Any]:
    match kind.stamp:
        case "ms":
            stamps: npt.NDArray[Any] = event_ms
        case "s":
            stamps = event_ms // 1000
        case "us":
            stamps = event_ms * 1000
        case "iso":
            stamps = np.datetime_as_string(event_ms.astype("datetime64[ms]"), timezone="UTC")
    return list(stamps.tolist())


def _delays_ms(generator: Generator, kind: Kind, count: int) -> Times:
    """Most arrive within a second, all well within `max_delay`, rounding of the stamp included."""
    most = 1000 * (kind.max_delay_seconds - 1.5)
    return generator.exponential(700, count).clip(0, most).astype(np.int64)


def _delay_some(
    generator: Generator, shape: Shape, kind: Kind, natures: npt.NDArray[Any], event_ms: Times, arrival_ms: Times
) -> None:
    """Make a few records late, in place: they come when their partition's watermark has long passed them."""
    first, last = shape.start_ms + 30_000, shape.end_ms - 1000 * (LATE_BY_SECONDS[1] + kind.max_delay_seconds)
    candidates = np.flatnonzero((natures == Nature.EVENT) & (event_ms > first) & (event_ms < last))
    rows = generator.choice(candidates, max(1, round(LATE_SHARE * len(natures))), replace=False)
    behind = kind.max_delay_seconds + generator.uniform(*LATE_BY_SECONDS, len(rows))
    arrival_ms[rows] = event_ms[rows] + (1000 * behind).astype(np.int64)
    natures[rows] = Nature.LATE


def _flawed(
    generator: Generator, shape: Shape, kind: Kind, payloads: npt.NDArray[Any], natures: npt.NDArray[Any]
) -> npt.NDArray[np.intp]:
    """Rows to send a second time, spoilt: at least one for each flaw."""
    count = max(len(FLAWS), round(FLAWED_SHARE * len(payloads)))
    return generator.choice(np.flatnonzero(natures == Nature.EVENT), count, replace=False)
