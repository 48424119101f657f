"""`savepoint`: a copy of all shards' state with the rules it needs, complete by name.

Where several hosts share the shards, each writes those that it has, by the same command; the one that finds all of them
there finishes it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import streamwatchd
from streamwatchd.control import CommandRefused
from streamwatchd.daemon.commands.context import Context
from streamwatchd.daemon.process import store_at
from streamwatchd.daemon.supervisor import Supervisor
from streamwatchd.errors import StreamwatchdError
from streamwatchd.operators.document import iso
from streamwatchd.shard.control import Saved
from streamwatchd.shard.savepoint import (
    NAME,
    Part,
    Savepoint,
    is_finished,
    read_parts,
    savepoints,
    write_part,
    write_savepoint,
)
from streamwatchd.shard.shared import SharedStore

_LOOK_S = 0.1
_SAY_EVERY = 50


def run(context: Context, arguments: Mapping[str, Any], say: Callable[[str], None]) -> Mapping[str, Any]:
    """`where` is the address below which savepoints lie; by default the state folder's `savepoints`."""
    where = str(arguments.get("where") or f"file://{context.settings.state_dir / 'savepoints'}").rstrip("/")
    try:
        if arguments.get("list"):
            return {"where": where, "savepoints": _listed(store_at(context.settings, where))}
        return _save(context, where, arguments, say)
    except StreamwatchdError as error:
        raise CommandRefused(f"no savepoint at {where}: {error}") from error


def _listed(store: SharedStore) -> list[dict[str, Any]]:
    found = savepoints(store.files, store.folder.parent)
    return [_row(name, each) for name, each in sorted(found.items(), key=lambda item: item[1].at_ms)]


def _row(name: str, savepoint: Savepoint) -> dict[str, Any]:
    return {
        "name": name,
        "at": iso(savepoint.at_ms),
        "app": savepoint.app,
        "engine": savepoint.engine,
        "shards": savepoint.layout.shards,
        "epochs": {str(shard): epoch for shard, epoch in savepoint.epochs.items()},
        "bytes": savepoint.size,
    }


def _save(context: Context, where: str, arguments: Mapping[str, Any], say: Callable[[str], None]) -> Mapping[str, Any]:
    supervisor, _ = context.working()
    is_shared = len(supervisor.slots) < context.settings.shards
    if is_shared and not (arguments.get("name") and arguments.get("where")):
        raise CommandRefused(
            "other hosts have shards of this app: run the same command on each of them, with one --name and with --out "
            "for a place that all of them reach"
        )
    now_ms = context.clock.now_ms()
    stamp = datetime.fromtimestamp(now_ms / 1000, UTC).strftime("%Y-%m-%dT%H%M%SZ")
    name = str(arguments.get("name") or stamp)
    if not NAME.fullmatch(name):
        raise CommandRefused(f"a savepoint's name is letters, digits, `.`, `_` and `-`, not {name!r}")
    url = f"{where}/{name}"
    store = store_at(context.settings, url)
    root = Path(store.folder.parent)
    if _is_taken(store, root, {slot.shard for slot in supervisor.slots} if is_shared else None):
        raise CommandRefused(f"there is something at {url} already; choose another --name")
    said = _parts(context, supervisor, url, float(arguments.get("seconds", 300)), say)
    layout, version = supervisor.layout, context.store.versions[-1].number
    parts = {
        each.shard: Part(each.shard, each.epoch, each.bytes, version, layout.generation, layout.shards) for each in said
    }
    if is_shared:
        parts = _among_others(context, store, root, parts)
    missing = sorted(set(range(layout.shards)) - parts.keys()) if is_shared else []
    epochs = {shard: part.epoch for shard, part in sorted(parts.items()) if part.epoch}
    size = sum(part.size for part in parts.values())
    savepoint = Savepoint(context.settings.app, streamwatchd.__version__, now_ms, layout, epochs, size)
    if not missing:
        for path, data in context.store.files():
            store.files.write(store.folder / path, data)
        write_savepoint(store.files, root, savepoint)
        context.log.info("savepoint_written", url=url, bytes=size)
    return {"url": url, **_row(name, savepoint), "missing": missing}


def _is_taken(store: SharedStore, root: Path, mine: set[int] | None) -> bool:
    """Whether the name is in use; `mine` are shards here that go beside those of other hosts, None without any."""
    if mine is None:
        return bool(store.files.list(root))
    return is_finished(store.files, root) or not mine.isdisjoint(read_parts(store.files, root))


def _among_others(context: Context, store: SharedStore, root: Path, mine: Mapping[int, Part]) -> dict[int, Part]:
    """Put our parts beside those of other hosts; gives all that are there."""
    for part in mine.values():
        write_part(store.files, root, part)
    found = read_parts(store.files, root)
    layouts = {(part.generation, part.shards) for part in found.values()}
    if len(layouts) > 1:
        raise CommandRefused(f"the shards in {root} are of several layouts; choose another --name, on all hosts")
    newest = max(part.version for part in found.values())
    if len(found) == context.settings.shards and newest > context.store.versions[-1].number:
        raise CommandRefused(
            f"another host has version {newest} of the rules, this one not yet; choose another --name, on all hosts"
        )
    return found


def _parts(
    context: Context, supervisor: Supervisor, url: str, seconds: float, say: Callable[[str], None]
) -> list[Saved]:
    away = [slot.shard for slot in supervisor.slots if slot.phase != "running"]
    if away:
        raise CommandRefused(f"shard {away[0]} is not at work, see `swctl status`; try again when all are", "not_ready")
    ticket = context.in_supervisor(lambda: supervisor.save(url))
    pids = {slot.shard: slot.pid for slot in supervisor.slots}
    deadline, turns = context.clock.monotonic() + seconds, 0
    while True:
        found = context.in_supervisor(lambda: dict(supervisor.saves[ticket]))
        for each in found.values():
            if each.problem:
                raise CommandRefused(f"no savepoint at {url}: shard {each.shard} could not write it: {each.problem}")
        if len(found) == len(supervisor.slots):
            return [found[shard] for shard in sorted(found)]
        lost = [slot.shard for slot in supervisor.slots if slot.shard not in found and slot.pid != pids[slot.shard]]
        if lost or context.clock.monotonic() > deadline:
            reason = f"shard {lost[0]} died" if lost else f"not done after {seconds:.0f} s"
            raise CommandRefused(f"no savepoint at {url}: {reason}; try again, under another --name")
        turns += 1
        if turns % _SAY_EVERY == 0:
            say(f"waiting for {len(supervisor.slots) - len(found)} shard(s) to write")
        context.clock.sleep(_LOOK_S)
