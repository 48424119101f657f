"""Rules that leave `mode: shadow`, or go into it: whose alarms go on, and of which somebody has yet to be told.

A rule that leaves it keeps its state, and what is up then is told once. Of one that goes into it, what is up ends for
those who were told, and the rule begins anew.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from streamwatchd.operators.spec import Member

GONE = ""
"""In place of the name of a rule that goes into shadow; no rule is called so."""


def promoted(old: Iterable[Member], new: Iterable[Member], renamed: Mapping[str, str]) -> frozenset[str]:
    """The names, as they are now, of rules that were in shadow and are no more."""
    were = {renamed.get(member.name, member.name) for member in old if member.shadow}
    return frozenset(member.name for member in new if member.name in were and not member.shadow)


def names_now(old: Iterable[Member], new: Iterable[Member], renamed: Mapping[str, str]) -> Callable[[str], str]:
    """What a rule of old is called; `GONE` for one that goes into shadow."""
    hidden = {member.name for member in new if member.shadow}
    were = {renamed.get(member.name, member.name) for member in old if not member.shadow}
    gone = hidden & were

    def now(name: str) -> str:
        found = renamed.get(name, name)
        return GONE if found in gone else found

    return now
