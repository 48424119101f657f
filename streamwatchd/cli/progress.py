"""How far a long command is: a bar where somebody looks at it, nothing else."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Protocol

import click

if TYPE_CHECKING:
    from click._termui_impl import ProgressBar


class Progress(Protocol):
    def at(self, done: int, events: int) -> None:
        """`done` of the total, and how many events so far."""

    def end(self) -> None: ...


def open_progress(total: int) -> Progress:
    """On the terminal of stderr; `total` is 0 where it is not known."""
    return _Bar(total) if sys.stderr.isatty() else _Nothing()


class _Nothing:
    def at(self, done: int, events: int) -> None: ...

    def end(self) -> None: ...


class _Bar:
    def __init__(self, total: int) -> None:
        self._total = total
        self._events = 0
        self._bar: ProgressBar[int] = click.progressbar(
            None if total else map(int, ()),  # what has no length, as a `map`, gets a bar that only moves
            total or None,
            file=sys.stderr,
            label="playing",
            item_show_func=lambda _: f"{self._events:,} events",
        )
        self._bar.render_progress()

    def at(self, done: int, events: int) -> None:
        self._events = events
        if self._total:
            self._bar.update(min(done, self._total) - self._bar.pos)
        else:
            self._bar.update(1)

    def end(self) -> None:
        self._bar.render_finish()
