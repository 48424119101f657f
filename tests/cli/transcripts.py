"""Golden transcripts: a small project, changes to it, and what a user types and sees.

A case begins with a sentence. `--- PATH` begins a file of the project (its lines follow; nothing after
the path takes the file away), `$ COMMAND` a command; what follows it is what it prints, lines of standard error
marked `! `, and `[N]` where the exit code is not 0. Commands are `swctl …`, `cat FILE` and `ls FOLDER`.
"""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from click.testing import CliRunner

from streamwatchd.cli import main

_SPEED = re.compile(r"in [0-9.]+ s \([0-9,]+/s\)")
_SECONDS = re.compile(r'time="[0-9.]+"')


@dataclass(slots=True)
class Step:
    """`what` is "---" or "$", `head` the path or command, `lines` what follows."""

    what: str
    head: str
    lines: list[str] = field(default_factory=list)


def read(text: str) -> tuple[str, list[Step]]:
    """The sentence and the steps of a case."""
    title, *rest = text.rstrip("\n").split("\n")
    steps: list[Step] = []
    for line in rest:
        what, _, head = line.partition(" ")
        if what in ("---", "$"):
            steps.append(Step(what, head))
        elif steps:
            steps[-1].lines.append(line)
    return title, steps


def written(title: str, steps: list[Step]) -> str:
    """The inverse of `read`."""
    lines = [title]
    for step in steps:
        lines += [f"{step.what} {step.head}", *step.lines]
    return "\n".join(lines) + "\n"


def play(steps: list[Step], folder: Path) -> list[Step]:
    """The steps with what really comes of their commands; the present folder must be `folder`."""
    played = []
    for step in steps:
        if step.what == "---":
            _write(folder / step.head, step.lines)
            played.append(step)
        else:
            played.append(Step("$", step.head, list(_run(step.head))))
    return played


def _write(path: Path, lines: list[str]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    if any(lines):
        path.write_text("\n".join(lines).rstrip("\n") + "\n")
    else:
        path.unlink(missing_ok=True)


def _run(command: str) -> Iterator[str]:
    program, *arguments = shlex.split(command)
    if program == "cat":
        yield from _SECONDS.sub('time="…"', Path(arguments[0]).read_text()).splitlines()
    elif program == "ls":
        yield from sorted(path.name for path in Path(arguments[0]).iterdir())
    else:
        result = CliRunner().invoke(main, arguments, catch_exceptions=False)
        yield from _SECONDS.sub('time="…"', _SPEED.sub("in … s (…/s)", result.stdout)).splitlines()
        yield from (f"! {line}".rstrip() for line in result.stderr.splitlines())
        if result.exit_code:
            yield f"[{result.exit_code}]"
