"""How far a training or an evaluation is: a bar where somebody looks at it, nothing else."""

from __future__ import annotations

import sys
from collections.abc import Callable

import click


def advance_bar(label: str) -> Callable[[float], None]:
    """Hears the share that is done, from 0 to 1."""
    if not sys.stderr.isatty():
        return lambda share: None
    bar = click.progressbar(length=1_000, label=label, file=sys.stderr)
    bar.render_progress()

    def advance(share: float) -> None:
        bar.update(max(int(1_000 * share) - bar.pos, 0))
        if share >= 1.0:
            bar.render_finish()

    return advance
