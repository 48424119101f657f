"""`ack`: somebody knows of what is up; answers once that is in force."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from streamwatchd.batch import key_text
from streamwatchd.control import CommandRefused
from streamwatchd.daemon.commands import alerts
from streamwatchd.daemon.commands.context import Context
from streamwatchd.daemon.commands.saying import first_that_checks, free_name, say_first, turn, wheres
from streamwatchd.daemon.spoken import Entry
from streamwatchd.operators.document import iso

MOST = 100_000
"""Alarms of a shard that are looked at."""


def run(context: Context, arguments: Mapping[str, Any], say: Callable[[str], None]) -> Mapping[str, Any]:
    """`rule`, `keys`, `where`, `by`, `note`, `id`. With `look` the answer says in `none_up` whether surely nothing of
    `rule` and `keys` was up, so that the words are about nothing, and in `none_new` whether surely all of that was
    acknowledged before; with `up_only` they are refused where nothing was up. Both wait for the shards."""
    with turn(context):
        looks = bool(arguments.get("look") or arguments.get("up_only"))
        up = _up(context, arguments, say) if looks else None
        none_up = up == []
        if none_up and arguments.get("up_only"):
            first_that_checks(context, _ways(context, arguments))
            raise CommandRefused(f"no alarm of `{arguments['rule']}`{_with_keys(arguments)} is up")
        entry, version = say_first(context, _ways(context, arguments), say)
        context.log.info("alarm_acknowledged", **entry)
        none_new = bool(up) and all(row["acknowledged"] for row in up or ())
        return {"ack": entry, "version": version, "none_up": none_up, "none_new": none_new}


def _with_keys(arguments: Mapping[str, Any]) -> str:
    keys: Mapping[str, str] = arguments.get("keys") or {}
    return f" with {', '.join(f'{name}={text}' for name, text in keys.items())}" if keys else ""


def _up(context: Context, arguments: Mapping[str, Any], say: Callable[[str], None]) -> list[Mapping[str, Any]] | None:
    """The alarms of `rule` and `keys` that are up; None where some shard did not say, and where more is up than was
    told."""
    told = alerts.run(context, {"most": MOST}, say)
    if told["problems"] or told["total"] > len(told["alarms"]):
        return None
    keys: Mapping[str, str] = arguments.get("keys") or {}
    mine = [row for row in told["alarms"] if row["rule"] == arguments["rule"]]
    return [row for row in mine if all(_is(row["key"].get(name), text) for name, text in keys.items())]


def _is(value: str | float | bool | None, text: str) -> bool:
    """However a number is spelt: `5` or `5.0`."""
    if isinstance(value, str | bool) or value is None:
        return key_text(value) == text
    try:
        return float(text) == value
    except ValueError:
        return False


def _ways(context: Context, arguments: Mapping[str, Any]) -> Iterator[tuple[Entry, bytes]]:
    spoken, now_ms = context.spoken, context.clock.now_ms()
    name = free_name("k", now_ms, [str(each["ack"]) for each in spoken.acks])
    for where in wheres(arguments):
        entry = {"ack": name, "rule": str(arguments["rule"]), "by": str(arguments["by"]), "at": iso(now_ms)}
        entry |= {"note": str(arguments["note"])} if arguments.get("note") else {}
        entry |= {"where": where} if where else {}
        entry |= {"id": str(arguments["id"])} if arguments.get("id") else {}
        yield entry, spoken.with_ack(entry, now_ms)
