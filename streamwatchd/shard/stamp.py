"""The text beside every committed offset: who owns the partition, up to which epoch, and in whose tenure.

Kafka commits it with the offsets, so which layout is in force is decided where the offsets are, at one instant for all
partitions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from streamwatchd.errors import StateMismatch
from streamwatchd.ports.kafka import Committed, Partition
from streamwatchd.shard.owner import Layout, Owner

_TEXT = re.compile(r"e=(\d+);s=(\d+)/(\d+);g=(\d+)(?:;t=(\w+))?(;closed)?")


@dataclass(frozen=True, slots=True)
class Stamp:
    """Epoch `epoch` of shard `shard` in `layout`. `closed`: it was the last one before a move to another layout.

    `tenure` names who works on the shard (see `shard.tenure`); empty where nobody has said so.
    """

    epoch: int
    shard: int
    layout: Layout
    closed: bool = False
    tenure: str = ""

    def __str__(self) -> str:
        text = f"e={self.epoch};s={self.shard}/{self.layout.shards};g={self.layout.generation}"
        text += f";t={self.tenure}" if self.tenure else ""
        return f"{text};closed" if self.closed else text


def stamp_of(owner: Owner, epoch: int, *, closed: bool = False, tenure: str = "") -> Stamp:
    return Stamp(epoch, owner.shard, owner.layout, closed, tenure)


Positions = Mapping[Partition, Committed | None]


def stamps(positions: Positions) -> dict[Partition, Stamp]:
    """Those of the newest layout; what older ones left behind (of topics that no rule reads any more) is left out.

    Raises StateMismatch for offsets that streamwatchd did not write.
    """
    found = {each: _read(each, position) for each, position in positions.items() if position is not None}
    newest = max((stamp.layout.generation for stamp in found.values()), default=0)
    return {each: stamp for each, stamp in found.items() if stamp.layout.generation == newest}


def _read(partition: Partition, position: Committed) -> Stamp:
    found = _TEXT.fullmatch(position.metadata)
    if found is None:
        raise StateMismatch(
            f"the committed offset {position.offset} of {partition} was not written "
            "by streamwatchd: it was moved by hand, or another program uses this group"
        )
    epoch, shard, shards, generation = map(int, found.groups()[:4])
    return Stamp(epoch, shard, Layout(generation, shards), found[6] is not None, found[5] or "")


def layout_of(found: Iterable[Stamp]) -> Layout | None:
    """The layout in force, None before the first epoch. Raises StateMismatch where partitions do not agree."""
    layouts = {stamp.layout for stamp in found}
    if len(layouts) > 1:
        raise StateMismatch(f"committed offsets are of {' and of '.join(map(str, sorted(layouts)))}: moved by hand?")
    return next(iter(layouts), None)


def committed_epoch(positions: Positions, owner: Owner) -> int:
    """The last epoch of `owner` that is committed, 0 before the first.

    Raises StateMismatch for positions that were moved by hand, or are of a later layout.
    """
    newest = 0
    for partition, stamp in stamps(positions).items():
        if stamp.layout.generation < owner.generation:
            continue
        if (stamp.layout, stamp.shard) != (owner.layout, owner.shard):
            raise StateMismatch(
                f"{partition} belongs to shard {stamp.shard} in {stamp.layout}; this is "
                f"{owner}: the shards were moved by another daemon, start this one again with "
                f"`shards: {stamp.layout.shards}`, or let it move them once more"
            )
        newest = max(newest, stamp.epoch)
    return newest
