"""A profile told by rooms: what each package of streamwatchd spends, library calls included."""

from __future__ import annotations

import cProfile
import pstats
from collections import defaultdict
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import streamwatchd

PACKAGE = Path(streamwatchd.__file__).parent
Function = tuple[str, int, str]
DEEPEST = 12


def room_of(function: Function) -> str | None:
    """`operators/panes.py` for a function of ours, None for libraries and built-ins."""
    try:
        return Path(function[0]).relative_to(PACKAGE).as_posix()
    except ValueError:
        return None


def by_file(profile: cProfile.Profile) -> dict[str, float]:
    """Seconds by file of ours; a library's or a built-in's time goes to the files that called it, by their shares."""
    stats = cast(Mapping[Function, tuple[Any, ...]], pstats.Stats(profile).stats)  # type: ignore[attr-defined]
    spent: dict[str, float] = defaultdict(float)

    def charge(function: Function, seconds: float, depth: int) -> None:
        room = room_of(function)
        callers: Mapping[Function, tuple[Any, ...]] = stats[function][4]
        total = sum(each[2] for each in callers.values())
        if room is not None:
            spent[room] += seconds
        elif depth == DEEPEST or total <= 0:
            spent["(outside)"] += seconds
        else:
            for caller, (_, _, own, _) in callers.items():
                charge(caller, seconds * own / total, depth + 1)

    for function, (_, _, own, _, _) in stats.items():
        charge(function, own, 0)
    return dict(sorted(spent.items(), key=lambda item: -item[1]))


def hottest(profile: cProfile.Profile, count: int = 25) -> list[tuple[float, int, str]]:
    """(own seconds, calls, where) of the functions with the most time of their own."""
    stats = cast(Mapping[Function, tuple[Any, ...]], pstats.Stats(profile).stats)  # type: ignore[attr-defined]
    rows = [
        (row[2], row[1], f"{room_of(name) or Path(name[0]).name}:{name[1]} {name[2]}") for name, row in stats.items()
    ]
    return sorted(rows, reverse=True)[:count]


def report(profile: cProfile.Profile, events: int) -> str:
    files = by_file(profile)
    rooms: dict[str, float] = defaultdict(float)
    for name, seconds in files.items():
        rooms[name.partition("/")[0]] += seconds
    lines = ["µs/event by room (profiled, so larger than measured):"]
    lines += [
        f"  {seconds / events * 1e6:8.3f}  {room}" for room, seconds in sorted(rooms.items(), key=lambda r: -r[1])
    ]
    lines += ["by file:"]
    lines += [f"  {seconds / events * 1e6:8.3f}  {name}" for name, seconds in list(files.items())[:20]]
    lines += ["hottest functions (µs/event, calls):"]
    lines += [f"  {own / events * 1e6:8.3f}  {calls:>9,}  {where}" for own, calls, where in hottest(profile)]
    return "\n".join(lines)
