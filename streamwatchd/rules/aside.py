"""What rules may name beside what they read."""

from __future__ import annotations

from dataclasses import dataclass

from streamwatchd.lang.typed import Type


@dataclass(frozen=True, slots=True)
class Other:
    """Another alarm, for those who ask whether it fires: its keys, and why nobody can ask (empty: they can)."""

    name: str
    keys: tuple[tuple[str, Type], ...] = ()
    fault: str = ""


@dataclass(frozen=True, slots=True)
class Aside:
    """What rules may name beside what they read: the alarms that this one names, and all calendars."""

    others: tuple[Other, ...] = ()
    calendars: tuple[str, ...] = ()


NOTHING_ASIDE = Aside()
