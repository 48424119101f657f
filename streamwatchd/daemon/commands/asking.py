"""Questions to the shards: asked of all on this host at once, answered between two batches of each, within seconds."""

from __future__ import annotations

from collections.abc import Mapping

from streamwatchd.control import CommandRefused
from streamwatchd.daemon.commands.context import Context
from streamwatchd.shard.control import Told

PATIENCE_S = 10.0
_LOOK_S = 0.02


def ask_shards(context: Context, rule: str, key: Mapping[str, str], most: int = 0) -> tuple[list[Told], list[str]]:
    """What the shards said, in order, and sentences on those that said nothing. Raises CommandRefused for no shard."""
    supervisor, _ = context.working()
    running = {slot.shard: slot.pid for slot in supervisor.slots if slot.phase == "running"}
    away = [
        f"shard {slot.shard} is not at work ({slot.phase})" for slot in supervisor.slots if slot.shard not in running
    ]
    if not running:
        raise CommandRefused("no shard is at work yet, see `swctl status`; try again when one is", "not_ready")
    ticket = context.in_supervisor(lambda: supervisor.inquire(rule, key, most))
    deadline = context.clock.monotonic() + PATIENCE_S
    try:
        while True:
            found = context.in_supervisor(lambda: dict(supervisor.told[ticket]))
            lost = {slot.shard for slot in supervisor.slots if running.get(slot.shard, slot.pid) != slot.pid}
            late = running.keys() - found.keys() - lost
            if not late or context.clock.monotonic() > deadline:
                break
            context.clock.sleep(_LOOK_S)
    finally:
        context.in_supervisor(lambda: supervisor.told.pop(ticket, None))
    away += [f"shard {shard} died meanwhile" for shard in sorted(lost - found.keys())]
    away += [f"shard {shard} did not answer within {PATIENCE_S:.0f} s: a batch takes long" for shard in sorted(late)]
    away += [f"shard {each.shard} can't say: {each.problem}" for each in found.values() if each.problem]
    elsewhere = sorted(set(range(context.settings.shards)) - {slot.shard for slot in supervisor.slots})
    if elsewhere:
        away.append(f"another host has shard {', '.join(map(str, elsewhere))}: ask there too")
    return [found[shard] for shard in sorted(found) if not found[shard].problem], away
