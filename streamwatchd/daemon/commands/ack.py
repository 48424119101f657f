"""`ack`: somebody knows of what is up; answers once that is in force."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from streamwatchd.daemon.commands.context import Context
from streamwatchd.daemon.commands.saying import free_name, say_first, turn, wheres
from streamwatchd.daemon.spoken import Entry
from streamwatchd.operators.document import iso


def run(context: Context, arguments: Mapping[str, Any], say: Callable[[str], None]) -> Mapping[str, Any]:
    """`rule`, `keys`, `where`, `by`, `note`, `id`."""
    with turn(context):
        entry, version = say_first(context, _ways(context, arguments), say)
        context.log.info("alarm_acknowledged", **entry)
        return {"ack": entry, "version": version}


def _ways(context: Context, arguments: Mapping[str, Any]) -> Iterator[tuple[Entry, bytes]]:
    spoken, now_ms = context.spoken, context.clock.now_ms()
    name = free_name("k", now_ms, [str(each["ack"]) for each in spoken.acks])
    for where in wheres(arguments):
        entry = {"ack": name, "rule": str(arguments["rule"]), "by": str(arguments["by"]), "at": iso(now_ms)}
        entry |= {"note": str(arguments["note"])} if arguments.get("note") else {}
        entry |= {"where": where} if where else {}
        entry |= {"id": str(arguments["id"])} if arguments.get("id") else {}
        yield entry, spoken.with_ack(entry, now_ms)
