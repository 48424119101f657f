"""What `silence` and `ack` have in common: what people say is checked, put in force, and answered then."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from itertools import product
from typing import Any

from streamwatchd.control import CommandRefused
from streamwatchd.daemon.commands import reload
from streamwatchd.daemon.commands.context import Context
from streamwatchd.daemon.spoken import Entry
from streamwatchd.lang.parser import parse
from streamwatchd.lang.problem import Problem
from streamwatchd.operators.document import iso
from streamwatchd.rules.silence_reader import is_spoken


@contextmanager
def turn(context: Context) -> Iterator[None]:
    """One person at a time, on the host whose changes hold for all. Raises CommandRefused."""
    context.working()
    if not context.leads:
        raise CommandRefused("this host follows: say it on the host that has shard 0, whose changes hold for all")
    if not context.spoken.turn.acquire(timeout=30):
        raise CommandRefused("something else that was said is being put in force; try again", "busy")
    try:
        yield
    finally:
        context.spoken.turn.release()


def say_first(context: Context, ways: Iterator[tuple[Entry, bytes]], say: Callable[[str], None]) -> tuple[Entry, int]:
    """Put the first in force of several ways to say something that checks; gives it and the version."""
    entry, content = first_that_checks(context, ways)
    return entry, put_in_force(context, content, say)


def first_that_checks(context: Context, contents: Iterator[tuple[Entry, bytes]]) -> tuple[Entry, bytes]:
    """Of several ways to say something the first that has no problem. Raises CommandRefused with those of the last."""
    problems: Sequence[str] = ()
    for what, content in contents:
        problems = _problems(context, content)
        if not problems:
            return what, content
    raise CommandRefused("; ".join(problems))


def _problems(context: Context, content: bytes) -> Sequence[str]:
    """What is wrong, warnings included: whoever says it is there to say it better."""
    _, reloader = context.working()
    loaded = context.compile(reloader.last_good, content).loaded
    found = filter(is_spoken, loaded.diagnostics)
    return [f"{each.message}" + (f" ({each.hint})" if each.hint else "") for each in found]


def put_in_force(context: Context, content: bytes, say: Callable[[str], None]) -> int:
    """Waits for all shards, and gives the version; what can't be compiled is taken back. Raises CommandRefused."""
    before, context.spoken.content = context.spoken.content, content
    result = reload.run(context, {"wait": True}, say)
    if not result["in_force"]:
        context.spoken.content = before
        raise CommandRefused(f"not in force: {result['problem']}")
    return int(result["version"])


def wheres(arguments: Mapping[str, Any]) -> Iterator[str]:
    """The condition that `keys` and `where` come to, with keys as text and, where they may be, as numbers or truths.

    Raises CommandRefused where `where` by itself is no expression: what it is put into would be told of otherwise."""
    if arguments.get("where") and isinstance(found := parse(str(arguments["where"])), Problem):
        raise CommandRefused(f"`where`: {found.message}" + (f" ({found.hint})" if found.hint else ""))
    keys: Mapping[str, str] = arguments.get("keys") or {}
    said = [f"({arguments['where']})"] if arguments.get("where") else []
    for texts in product(*([f"{key} == {spelt}" for spelt in _spellings(text)] for key, text in keys.items())):
        yield " and ".join([*texts, *said])


def _spellings(text: str) -> Iterator[str]:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    yield f'"{escaped}"'
    if text in ("true", "false"):
        yield text
    try:
        float(text)
    except ValueError:
        return
    yield text


def free_name(letter: str, now_ms: int, taken: Sequence[str]) -> str:
    """A name that says when it was given."""
    name = letter + iso(now_ms)[:19].replace("-", "").replace(":", "").replace("T", "_")
    return next(each for each in (name, *(f"{name}_{n}" for n in range(2, 1_000))) if each not in taken)
