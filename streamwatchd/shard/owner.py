"""Whose a piece of state is: files and records say it, so that one that lies in the wrong place is not believed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True, order=True)
class Layout:
    """Tasks are spread over `shards` shards. Every change of their number is a new generation, counted from 0."""

    generation: int
    shards: int

    def __str__(self) -> str:
        return f"layout {self.generation} ({self.shards} shard{'s' if self.shards != 1 else ''})"


@dataclass(frozen=True, slots=True, order=True)
class Owner:
    """Shard `shard` of `shards`, in the layout `generation` of the application `app`."""

    app: str
    generation: int
    shards: int
    shard: int

    @property
    def layout(self) -> Layout:
        return Layout(self.generation, self.shards)

    @property
    def transactional_id(self) -> str:
        return f"{self.app}.{self.generation}.{self.shard}"

    def folder(self, state_dir: Path) -> Path:
        """Its state folder; a layout after the first has a folder of its own."""
        layout = state_dir / f"layout-{self.generation}" if self.generation else state_dir
        return layout / f"shard-{self.shard}"

    def __str__(self) -> str:
        return f"shard {self.shard} of {self.shards} of {self.app}, layout {self.generation}"


def owners(app: str, layout: Layout) -> list[Owner]:
    return [Owner(app, layout.generation, layout.shards, shard) for shard in range(layout.shards)]


def mover_id(app: str) -> str:
    """The transactional id of whoever changes the layout: one at a time."""
    return f"{app}.move"
