"""Counters, changes and lines in random projects: some aggregates of a drawn project become such."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from dataclasses import replace

from tests.oracle.reading import LogItem, Record

Logs = dict[tuple[str, int], list[LogItem]]
_SIMPLE = re.compile(r"\b(?:avg|sum|min|max)\((\w+)((?: over \w+)?(?: ago \w+)?)\)")
_ANY = re.compile(r"\b(?:avg|sum|min|max|stddev|var)\(")


def stepped(rng: random.Random, text: str, horizon: str) -> str:
    """Some aggregates become ones of counters, of changes and of lines."""
    if "ratio(" in text:
        return text  # a share and something a second can't stand in one sum
    of_source = "source: alpha\n" in text or "source: beta\n" in text
    amends, sessions = "late: amend" in text, "session:" in text
    functions = ["slope({0}{1})", *([] if sessions else [f"predict({{0}}{{1}} in {horizon})"])]
    if not amends:
        functions.append("changes({0}{1})")
        functions += ["increase(c{1})", *([] if sessions else ["rate(c{1})"])] * 2 if of_source else []

    def simple(found: re.Match[str]) -> str:
        return rng.choice(functions).format(*found.groups()) if rng.random() < 0.6 else found[0]

    def whole(found: re.Match[str]) -> str:
        return "slope(" if rng.random() < 0.2 else found[0]

    return _ANY.sub(whole, _SIMPLE.sub(simple, text))


def with_counter(rng: random.Random, item: LogItem) -> LogItem:
    """A record with a counter, which starts anew often and wraps now and then."""
    if not isinstance(item, Record) or item.payload is None or not item.payload.startswith(b'{"ts"'):
        return item
    if not item.payload.endswith(b"}") or b"\n" in item.payload:
        return item
    count = rng.choice((rng.randrange(1_000), rng.randrange(50) / 4, 2**32 - 1 - rng.randrange(900), None))
    return replace(item, payload=item.payload[:-1] + f', "c": {json.dumps(count)}}}'.encode())


def with_steps(
    rng: random.Random, span: Callable[..., str], files: dict[str, str], sources: dict[str, str], logs: Logs
) -> tuple[dict[str, str], dict[str, str], Logs]:
    """Of two projects in five; of the others all stays as it is. `span` draws durations."""
    if rng.random() >= 0.4:
        return files, sources, logs
    files = {name: stepped(rng, text, span(1, 7)) for name, text in files.items()}
    per, gap = rng.choice(("", "per: host, ", "per: [site, kind], ")), span(2, 7, 40)
    counter = f"  fields:\n    c: {{type: counter, {per}gap: {gap}, bits: 32}}\n"
    sources = {name: text.replace("  fields:\n", counter) for name, text in sources.items()}
    return files, sources, {place: [with_counter(rng, item) for item in log] for place, log in logs.items()}
