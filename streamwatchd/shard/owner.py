"""Whose a piece of state is: files and records say it, so that one that lies in the wrong place is not believed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Owner:
    """Shard `shard` of `shards`, in the layout `generation` of the application `app`."""

    app: str
    generation: int
    shards: int
    shard: int

    def __str__(self) -> str:
        return f"shard {self.shard} of {self.shards} of {self.app}, layout {self.generation}"
