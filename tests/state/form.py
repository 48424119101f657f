"""Of what state files consist: the types in them, without their values. It changes only where the code's forms do."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec
import numpy as np

from streamwatchd.packing import Frozen, unpack
from streamwatchd.shard.journal import LocalJournal
from streamwatchd.shard.snapshot import SnapshotStore
from tests.state.world import STATE, World

_HASH = re.compile(r"[0-9a-f]{8,}|\d+")
_POSITIONAL = 12
"""Longer lists than this are sequences of something, not records."""


def form_of(world: World) -> str:
    """Text, a line each: of the newest snapshot by task, of the journal, the versions, the rules, the exchange."""
    from tests.state.golden import SHARD, _owner

    owner = _owner(world)
    store = SnapshotStore(world.disk, SHARD, owner)
    found = store.load(store.epochs()[-1])
    lines = [_line(f"snapshot stage {task.stage}", [tree]) for task, tree in sorted(found.states.items())]
    manifest = msgspec.to_builtins(store.manifest(found.epoch))
    lines.append(_line("manifest", [manifest]))
    records = [record.encode() for record in LocalJournal(world.disk, SHARD, owner).read(0, 10**9)]
    lines.append(_line("journal", [msgspec.msgpack.decode(each) for each in records]))
    lines.append(_line("versions", [msgspec.json.decode(world.disk.files[STATE / "versions"][44:])]))
    rules = [data for path, data in sorted(world.disk.files.items()) if path.parent.name == "content"]
    lines.append(_line("rules", [msgspec.msgpack.decode(data[44:]) for data in rules]))
    lines.append(_line("exchange", list(_exchanged(world))))
    return "".join(line + "\n" for each in sorted(set(lines)) for line in _wrapped(each))


def _exchanged(world: World) -> Iterable[Any]:
    for record in world.kafka.records(f"{world.settings.topics.exchange}.2"):
        feeder, parts = unpack(record.value or b"")
        yield [feeder, "parts"]
        yield from (unpack(each) for each in parts)


def _line(name: str, values: Iterable[Any]) -> str:
    return f"{name}: " + " | ".join(sorted({form(value) for value in values}))


def _wrapped(line: str) -> list[str]:
    """At the places where a reader of a difference would look."""
    return re.sub(r"([{|]) ", r"\1\n  ", line).split("\n")


def form(value: Any) -> str:
    match value:
        case Frozen():
            return f"apart {form(value.value)}" if value.apart else form(value.value)
        case np.ndarray():
            return (
                "array " + re.sub(r"\d+$", "", value.dtype.str) if value.dtype.kind == "U" else f"array {value.dtype}"
            )
        case dict():
            return _form_of_dict(value)
        case list() | tuple():
            return _form_of_list([form(each) for each in value])
        case _:
            return "null" if value is None else type(value).__name__


def _form_of_dict(value: dict[Any, Any]) -> str:
    """Names that are hashes or numbers are data, as are keys that are no text."""
    found: dict[str, set[str]] = {}
    for key, each in value.items():
        name = _HASH.sub("#", key) if isinstance(key, str) else type(key).__name__
        found.setdefault(name, set()).add(form(each))
    inside = ", ".join(f"{name}: {' or '.join(sorted(forms))}" for name, forms in sorted(found.items()))
    return f"{{ {inside} }}"


def _form_of_list(forms: list[str]) -> str:
    kinds = sorted(set(forms))
    if len(kinds) == 1:
        return f"[{kinds[0]} …]"
    return f"[{', '.join(forms)}]" if len(forms) <= _POSITIONAL else f"[{' or '.join(kinds)} …]"
