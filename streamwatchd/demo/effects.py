"""What happens to the generated columns: a field bends, records go missing, come in crowds, or devices speak.

Times are seconds from the start of the traffic.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

from streamwatchd.demo.sources import FAILING, rhythm

Selection = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Curve:
    """Field `name` of the selected rows follows `points` (seconds, value), linear between, with noise.

    With `times` the points are factors of what the field would have been.
    """

    source: str
    where: Selection
    name: str
    points: tuple[tuple[float, float], ...]
    noise: float = 0.0
    times: bool = False


@dataclass(frozen=True, slots=True)
class Thin:
    """Only the share `keep` of the selected rows is sent from `start` to `end`: 0 is silence."""

    source: str
    where: Selection
    start: float
    end: float
    keep: float = 0.0


@dataclass(frozen=True, slots=True)
class Events:
    """Event records of a network device, at these instants: (seconds, event)."""

    device: str
    link: str
    at: tuple[tuple[float, str], ...]


@dataclass(frozen=True, slots=True)
class Crowd:
    """So many times as many of the selected rows are sent; `points` (seconds, factor) as of a curve, at least 1."""

    source: str
    where: Selection
    points: tuple[tuple[float, float], ...]


Effect = Curve | Thin | Events | Crowd


def hold(source: str, where: Selection, name: str, span: tuple[float, float], value: float, noise: float) -> Curve:
    """The field stays at `value` all the while."""
    return Curve(source, where, name, ((span[0], value), (span[1], value)), noise)


def minutes(first: float, last: float) -> tuple[float, float]:
    return 60 * first, 60 * last


def failing(service: str, first: float, last: float, share: float) -> Curve:
    return hold("api", {"service": service}, "failing", minutes(first, last), share, 0.0)


RAMP = 120.0
"""Seconds that a spell takes to come and to go."""
SLOW, SHEDDING, CALM = 1.55, 0.024, 0.45
"""How slow a busy service is, the share that it fails; how many requests a calm one has left."""


def busy(service: str, first: float, last: float) -> tuple[Effect, ...]:
    """Ordinary life of a service, from minute to minute: many requests, slow ones, more of them failing."""
    start, end = minutes(first, last)
    where = {"service": service}

    def spell(usual: float, high: float) -> tuple[tuple[float, float], ...]:
        return (start, usual), (start + RAMP, high), (end - RAMP, high), (end, usual)

    return (
        Crowd("api", where, spell(1.0, 1.7)),
        Curve("api", where, "latency", spell(1.0, SLOW), times=True),
        Curve("api", where, "failing", spell(FAILING, SHEDDING)),
    )


def calm(service: str, first: float, last: float) -> tuple[Effect, ...]:
    """Ordinary life of a service: few requests, quick ones."""
    span, where = minutes(first, last), {"service": service}
    return (
        Thin("api", where, *span, keep=CALM),
        Curve("api", where, "latency", tuple((at, 0.95) for at in span), times=True),
    )


def odd_mix(service: str, first: float, last: float) -> tuple[Effect, ...]:
    """Not ordinary: slow and failing as a busy service, with the requests of a calm one."""
    span, where = minutes(first, last), {"service": service}
    return (
        Thin("api", where, *span, keep=CALM),
        Curve("api", where, "latency", tuple((at, SLOW) for at in span), times=True),
        failing(service, first, last, SHEDDING),
    )


def off_rhythm(link: str, first: float, last: float, start_ms: int) -> tuple[Effect, ...]:
    """Traffic of the other half of the day: within the daily span, and far from what this time of day has."""
    span = minutes(first, last)
    usual = float(rhythm(start_ms / 1000 + 0.5 * (span[0] + span[1])))
    factor = (0.6 if usual >= 1.0 else 1.4) / usual
    return (Curve("network", {"link": link}, "octets", tuple((at, factor) for at in span), times=True),)


def reach(effect: Effect) -> tuple[float, float]:
    match effect:
        case Thin(start=start, end=end):
            return start, end
        case Events(at=at):
            return at[0][0], at[-1][0]
        case Curve(points=points) | Crowd(points=points):
            return points[0][0], points[-1][0]


def meets(effect: Effect, begin: float, end: float) -> bool:
    first, last = reach(effect)
    return first < end and last > begin


def moved(effect: Effect, by: float) -> Effect:
    match effect:
        case Thin():
            return replace(effect, start=effect.start + by, end=effect.end + by)
        case Events():
            return replace(effect, at=tuple((at + by, name) for at, name in effect.at))
        case Curve() | Crowd():
            return replace(effect, points=tuple((at + by, value) for at, value in effect.points))
