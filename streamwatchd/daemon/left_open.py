"""A daemon that was killed whole, supervisor and workers: the next start has the broker end what they left open.

The positions of an open transaction are not known before it is over, and no start goes on without them. The broker ends
it by itself, but only after its time-out of 15 s, and looks for such ones every 10 s: 16 to 26 s were waited out.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor

from streamwatchd.daemon.logs import Log
from streamwatchd.errors import StateMismatch, Unavailable
from streamwatchd.ports.kafka import Admin, Kafka, Partition
from streamwatchd.settings import Settings
from streamwatchd.shard.move import positions_of
from streamwatchd.shard.owner import Layout, mover_id, owners
from streamwatchd.shard.stamp import Positions, layout_of, stamps
from streamwatchd.shard.version import Content

_DECIDED_S = 0.5
"""An owner who lives decides within some ms; one who has not for so long is dead, or is fenced a little earlier."""


def end_left_open(
    kafka: Kafka, settings: Settings, partitions: Mapping[str, int], contents: list[Content], log: Log
) -> None:
    """End the transactions of this host's shards where positions are undecided; where brokers do not answer, nothing.

    Whoever is at work on these shards all the same is fenced, as the workers that start now would fence him.
    """
    if settings.delivery != "exactly_once":
        return
    begun = time.monotonic()
    ids = _suspects(kafka, settings, partitions, contents)
    if not ids:
        return
    problems = _fence(kafka, ids)
    if problems:
        log.warning("transactions_left_open", reason=problems[0])
    else:
        log.info("transactions_ended", seconds=round(time.monotonic() - begun, 2))


def _suspects(kafka: Kafka, settings: Settings, partitions: Mapping[str, int], contents: list[Content]) -> list[str]:
    """Transactional ids of this host, one of which holds up the group's positions; none where they are decided."""
    wanted, admin = positions_of(settings, partitions, contents), kafka.admin()
    try:
        if _are_decided(admin, settings.app, wanted):
            return []
        standing = admin.committed(settings.app, wanted, stable=False)
        if _are_decided(admin, settings.app, wanted):  # a coordinator that only came to be
            return []
        return _ids(settings, standing)
    except Unavailable:
        return []  # nobody answers: what comes next waits for it with a word
    finally:
        admin.close()


def _are_decided(admin: Admin, group: str, wanted: Iterable[Partition]) -> bool:
    try:
        admin.committed(group, wanted, patience_s=_DECIDED_S)
    except Unavailable:
        return False
    return True


def _ids(settings: Settings, positions: Positions) -> list[str]:
    try:
        layout = layout_of(stamps(positions).values()) or Layout(0, settings.shards)
    except StateMismatch:
        return []  # what comes next says what is wrong
    mine = set(settings.owns or range(layout.shards))
    ids = [each.transactional_id for each in owners(settings.app, layout) if each.shard in mine]
    return [*ids, mover_id(settings.app)] if 0 in mine else ids


def _fence(kafka: Kafka, ids: Iterable[str]) -> list[str]:
    """All at a time; what went wrong."""

    def fence(each: str) -> str:
        try:
            kafka.fence(each)
        except Unavailable as error:
            return f"{each}: {error}"
        return ""

    with ThreadPoolExecutor(thread_name_prefix="fence") as pool:
        return [problem for problem in pool.map(fence, ids) if problem]
