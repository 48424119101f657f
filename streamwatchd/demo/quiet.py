"""Quiet days of one source: what models are trained on, and what they must not cry out over.

A day has its ordinary life: services have busy and calm spells, links their rhythm. There are no incidents,
no late records and no poison, unless effects are given.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import msgspec
import numpy as np

from streamwatchd.demo import inventory
from streamwatchd.demo.effects import Effect, Selection, busy, calm, meets, moved, odd_mix, off_rhythm
from streamwatchd.demo.sources import KINDS
from streamwatchd.demo.traffic import Shape, Traffic, records_of
from streamwatchd.operators.document import iso

DAY_SECONDS = 86_400
PART_SECONDS = 21_600
"""As much is made at a time."""
SERVICES = tuple(service.name for service in inventory.SERVICES)
RATES = {"api": 15.0, "network": 4.1}
"""Records a second: requests as in the demo; every link is polled once a minute."""
MIX_MINUTES, RHYTHM_MINUTES = 10.0, 40.0
"""How long an odd stretch of each source lasts."""
_SPELL_MINUTES = (15.0, 60.0)
_LIFE = 0x11FE


def quiet(source: str, start_ms: int, days: float, seed: int, effects: Sequence[Effect] = ()) -> Iterator[Traffic]:
    """Stretches of six hours, one after the other. `effects` are in seconds from the start, beside the ordinary ones.

    Raises ValueError for a source of which nothing ordinary is known.
    """
    if source not in RATES:
        raise ValueError(f"quiet days are of {' or '.join(RATES)}, not of {source}")
    kind = next(kind for kind in KINDS if kind.name == source)
    seconds = round(days * DAY_SECONDS)
    ordinary = [effect for spell in spells(seconds / 60, seed) for effect in spell.effects()]
    everything = [*(ordinary if source == "api" else ()), *effects]
    for part, begin in enumerate(range(0, seconds, PART_SECONDS), 1):
        length = min(PART_SECONDS, seconds - begin)
        rate = RATES[source] / kind.share
        shape = Shape(start_ms + 1000 * begin, length, rate, seed, scripted=False, part=part)
        near = [moved(effect, -begin) for effect in everything if meets(effect, begin, begin + length)]
        yield Traffic(shape, (records_of(shape, kind, near),), ())


@dataclass(frozen=True, slots=True)
class Spell:
    """Ordinary life of a service, in minutes from the start."""

    service: str
    first: float
    last: float
    is_busy: bool

    def effects(self) -> tuple[Effect, ...]:
        return (busy if self.is_busy else calm)(self.service, self.first, self.last)

    def meets(self, service: str, first: float, last: float) -> bool:
        return self.service == service and self.first < last and self.last > first


def spells(minutes: float, seed: int) -> list[Spell]:
    """Of each service: busy, calm and neither by turns, as chance has it."""
    chance = np.random.default_rng([seed, _LIFE])
    found: list[Spell] = []
    for service in SERVICES:
        at = float(chance.uniform(0, _SPELL_MINUTES[1]))
        while (end := at + float(chance.uniform(*_SPELL_MINUTES))) < minutes:
            found.append(Spell(service, at, end, bool(chance.integers(0, 2))))
            at = end + float(chance.uniform(*_SPELL_MINUTES)) / 2
    return found


@dataclass(frozen=True, slots=True)
class Odd:
    """An odd stretch of a key, in seconds from the start."""

    key: Selection
    start: float
    end: float
    effects: tuple[Effect, ...]


def incidents(source: str, start_ms: int, days: float, seed: int, count: int) -> list[Odd]:
    """So many, in even slices of the time after the first day, each at a random moment of its slice, of a random key.

    An odd mix comes over a service that has no spell; a link leaves its rhythm for 40 minutes.
    """
    chance = np.random.default_rng([seed, _LIFE, 1])
    minutes = 1_440 * days
    slices = np.linspace(min(1.0, 0.2 * days) * 1_440, minutes, count + 1)
    if source == "api":
        life = spells(minutes, seed)
        return [_odd_mix(chance, low, high, life) for low, high in itertools.pairwise(slices)]
    return [_off_rhythm(chance, low, high, start_ms) for low, high in itertools.pairwise(slices)]


def _odd_mix(chance: np.random.Generator, low: float, high: float, life: Sequence[Spell]) -> Odd:
    while True:
        service = SERVICES[int(chance.integers(0, len(SERVICES)))]
        at = float(chance.uniform(low, max(low, high - MIX_MINUTES)))
        if not any(spell.meets(service, at, at + MIX_MINUTES) for spell in life):
            return Odd({"service": service}, 60 * at, 60 * (at + MIX_MINUTES), odd_mix(service, at, at + MIX_MINUTES))


def _off_rhythm(chance: np.random.Generator, low: float, high: float, start_ms: int) -> Odd:
    links = inventory.links()
    link = links[int(chance.integers(0, len(links)))][1]
    at = float(chance.uniform(low, max(low, high - RHYTHM_MINUTES)))
    end = at + RHYTHM_MINUTES
    return Odd({"link": link}, 60 * at, 60 * end, off_rhythm(link, at, end, start_ms))


def write_labels(odd: Sequence[Odd], start_ms: int, path: Path) -> None:
    """Lines of JSON, as `swctl model train` and `evaluate` read them."""
    lines = (
        {"begin": iso(start_ms + round(1000 * each.start)), "end": iso(start_ms + round(1000 * each.end))}
        | {"key": dict(each.key)}
        for each in odd
    )
    path.write_bytes(b"".join(msgspec.json.encode(line) + b"\n" for line in lines))


def topic_of(source: str) -> str:
    return next(kind.topic for kind in KINDS if kind.name == source)
