"""`silence`: have nobody told of some alarms for a while, or again from now on; answers once that is in force."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from streamwatchd.control import CommandRefused
from streamwatchd.daemon.commands.context import Context
from streamwatchd.daemon.commands.saying import free_name, put_in_force, say_first, turn, wheres
from streamwatchd.daemon.spoken import Entry


def run(context: Context, arguments: Mapping[str, Any], say: Callable[[str], None]) -> Mapping[str, Any]:
    """`rules`, `labels`, `keys`, `where`, `from`, `until`, `reason`, `by`, `id`; or `end`, the name of a silence."""
    with turn(context):
        if arguments.get("end"):
            return _end(context, str(arguments["end"]), say)
        entry, version = say_first(context, _ways(context, arguments), say)
        context.log.info("silence_began", **entry)
        return {"silence": entry, "version": version}


def _ways(context: Context, arguments: Mapping[str, Any]) -> Iterator[tuple[Entry, bytes]]:
    spoken, now_ms = context.spoken, context.clock.now_ms()
    name = free_name("s", now_ms, [str(each["silence"]) for each in spoken.silences])
    for where in wheres(arguments):
        entry = _entry(name, arguments, where)
        yield entry, spoken.with_silence(entry, now_ms)


def _entry(name: str, arguments: Mapping[str, Any], where: str) -> Entry:
    entry: dict[str, object] = {"silence": name, "reason": str(arguments["reason"]), "until": str(arguments["until"])}
    for field in ("rules", "labels", "from", "by", "id"):
        if arguments.get(field):
            entry[field] = arguments[field]
    return entry | ({"where": where} if where else {})


def _end(context: Context, name: str, say: Callable[[str], None]) -> Mapping[str, Any]:
    known = {str(each["silence"]): each for each in context.spoken.silences}
    if name not in known:
        said = ", ".join(sorted(known)) or "none"
        raise CommandRefused(
            f"no silence `{name}` was said at run time (there are: {said}); one of silences.d/ ends when its file "
            "says so"
        )
    version = put_in_force(context, context.spoken.without(name, context.clock.now_ms()), say)
    context.log.info("silence_ended", silence=name)
    return {"silence": known[name], "version": version}
