"""`silences`: those in force, from the folder and those that were said."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from streamwatchd.daemon.commands.context import Context
from streamwatchd.operators.document import iso
from streamwatchd.rules.document import plain
from streamwatchd.rules.reader import parse
from streamwatchd.rules.silence_reader import SPOKEN


def run(context: Context, arguments: Mapping[str, Any], say: Callable[[str], None]) -> Mapping[str, Any]:
    now_ms = context.clock.now_ms()
    if not context.store.versions:
        return {"at": iso(now_ms), "silences": []}
    version = context.store.versions[-1]
    content = context.store.content(version.digest)
    alarms: dict[str, list[str]] = {}
    holding: set[str] = set()
    for rule, silences in content.program.plan.silences.items():
        for each in silences:
            alarms.setdefault(each.name, []).append(rule)
            holding |= {each.name} if each.holds(now_ms) else set()
    rows = [
        {**row, "alarms": sorted(alarms.get(str(row["silence"]), ())), "holds": row["silence"] in holding}
        for row in _written(context, version.digest)
    ]
    return {"at": iso(now_ms), "version": version.number, "silences": rows}


def _written(context: Context, digest: str) -> Iterator[Mapping[str, Any]]:
    """As they are written, with their file; those said at run time have none."""
    for path, data in sorted(context.store.bundle(digest).silences.items()):
        top = parse(path, data).top
        document = plain(top) if top is not None else None
        for each in document.get("silences", ()) if isinstance(document, dict) else ():
            yield {**each, "file": None if path == SPOKEN else path}
