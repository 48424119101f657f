"""`takeover`: work on these shards here, from now on. Kafka fences whoever had them."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from streamwatchd.control import CommandRefused
from streamwatchd.daemon.commands.context import Context


def run(context: Context, arguments: Mapping[str, Any], say: Callable[[str], None]) -> Mapping[str, Any]:
    """`shards` are numbers; what is worked on here already is left as it is."""
    supervisor, _ = context.working()
    settings = context.settings
    wanted = sorted({int(each) for each in arguments.get("shards", ())})
    if not settings.snapshot_store:
        raise CommandRefused("several hosts need a `snapshot_store` that all of them can read")
    wrong = [each for each in wanted if not 0 <= each < settings.shards]
    if wrong or not wanted:
        raise CommandRefused(f"shards are 0 to {settings.shards - 1}, not {', '.join(map(str, wrong)) or 'none'}")
    taken = context.in_supervisor(lambda: supervisor.take_over(tuple(wanted), "by command"))
    return {"taken": list(taken), "here": sorted(slot.shard for slot in supervisor.slots)}
