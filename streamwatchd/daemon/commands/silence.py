"""`silence`: have nobody told of some alarms for a while, or again from now on; answers once that is in force."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any

from streamwatchd.control import CommandRefused
from streamwatchd.daemon.commands import reload
from streamwatchd.daemon.commands.context import Context
from streamwatchd.daemon.spoken import Entry, entries_of
from streamwatchd.operators.document import iso
from streamwatchd.rules.silence_reader import SPOKEN


def run(context: Context, arguments: Mapping[str, Any], say: Callable[[str], None]) -> Mapping[str, Any]:
    """`rules`, `labels`, `keys`, `where`, `from`, `until`, `reason`, `by`; or `end`, the name of a silence."""
    context.working()
    if not context.leads:
        raise CommandRefused("this host follows: say it on the host that has shard 0, whose changes hold for all")
    if not context.spoken.turn.acquire(timeout=30):
        raise CommandRefused("another silence is being put in force; try again", "busy")
    try:
        if arguments.get("end"):
            return _end(context, str(arguments["end"]), say)
        return _begin(context, arguments, say)
    finally:
        context.spoken.turn.release()


def _begin(context: Context, arguments: Mapping[str, Any], say: Callable[[str], None]) -> Mapping[str, Any]:
    now_ms, spoken = context.clock.now_ms(), context.spoken
    name = _free_name(now_ms, [str(each["silence"]) for each in spoken.entries])
    problems: Sequence[str] = ()
    for where in _wheres(arguments):
        entry = _entry(name, arguments, where)
        content = spoken.with_entry(entry, now_ms)
        problems = _problems(context, content)
        if not problems:
            return {"silence": entry, "version": _put_in_force(context, content, say)}
    raise CommandRefused("; ".join(problems))


def _end(context: Context, name: str, say: Callable[[str], None]) -> Mapping[str, Any]:
    known = {str(each["silence"]): each for each in context.spoken.entries}
    if name not in known:
        said = ", ".join(sorted(known)) or "none"
        raise CommandRefused(
            f"no silence `{name}` was said at run time (there are: {said}); one of silences.d/ ends when its file "
            "says so"
        )
    return {"silence": known[name], "version": _put_in_force(context, context.spoken.without(name), say)}


def _put_in_force(context: Context, content: bytes, say: Callable[[str], None]) -> int:
    """Waits for all shards, and gives the version; what can't be compiled is taken back."""
    before, context.spoken.content = context.spoken.content, content
    result = reload.run(context, {"wait": True}, say)
    if not result["in_force"]:
        context.spoken.content = before
        raise CommandRefused(f"not in force: {result['problem']}")
    context.log.info("silences_changed", silences=[each["silence"] for each in entries_of(content)])
    return int(result["version"])


def _problems(context: Context, content: bytes) -> Sequence[str]:
    """What is wrong with the silences, warnings included: whoever says them is there to say them better."""
    _, reloader = context.working()
    loaded = context.compile(reloader.last_good, content).loaded
    found = [each for each in loaded.diagnostics if each.span is not None and each.span.file.endswith(SPOKEN)]
    return [f"{each.message}" + (f" ({each.hint})" if each.hint else "") for each in found]


def _entry(name: str, arguments: Mapping[str, Any], where: str) -> Entry:
    entry: dict[str, object] = {"silence": name, "reason": str(arguments["reason"]), "until": str(arguments["until"])}
    for field in ("rules", "labels", "from", "by"):
        if arguments.get(field):
            entry[field] = arguments[field]
    return entry | ({"where": where} if where else {})


def _wheres(arguments: Mapping[str, Any]) -> Iterator[str]:
    """The condition, with keys as text and, where they may be numbers, as numbers."""
    keys: Mapping[str, str] = arguments.get("keys") or {}
    said = [f"({arguments['where']})"] if arguments.get("where") else []
    for texts in product(*([f"{key} == {spelt}" for spelt in _spellings(text)] for key, text in keys.items())):
        yield " and ".join([*texts, *said])


def _spellings(text: str) -> Iterator[str]:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    yield f'"{escaped}"'
    try:
        float(text)
    except ValueError:
        return
    yield text


def _free_name(now_ms: int, taken: Sequence[str]) -> str:
    name = "s" + iso(now_ms)[:19].replace("-", "").replace(":", "").replace("T", "_")
    return next(each for each in (name, *(f"{name}_{n}" for n in range(2, 1_000))) if each not in taken)
