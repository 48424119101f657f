"""Write man pages of swctl and its commands: python docs/man.py [FOLDER], by default build/man."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

import streamwatchd
from streamwatchd.cli import main as swctl

_ROFF = str.maketrans({"\\": "\\e", "-": "\\-", "\N{RIGHT SINGLE QUOTATION MARK}": "\\(cq"})


def roff(text: str) -> str:
    """Plain text as roff takes it: a dot or a quote at the beginning of a line would be a command."""
    escaped = text.translate(_ROFF)
    return "\n".join(f"\\&{line}" if line[:1] in ".'" else line for line in escaped.splitlines())


def pages(command: click.Command, name: str, above: click.Context | None = None) -> Iterator[tuple[str, str]]:
    """(file name, text) of a command and of those below it; `above` has what it inherits, as its words for help."""
    context = click.Context(command, above, name, **command.context_settings)
    yield f"{name.replace(' ', '-')}.1", "\n".join(page(command, name, context)) + "\n"
    if isinstance(command, click.Group):
        for each in command.list_commands(context):
            below = command.get_command(context, each)
            if below is not None:
                yield from pages(below, f"{name} {each}", context)


def page(command: click.Command, name: str, context: click.Context) -> Iterator[str]:
    title = name.replace(" ", "-")
    usage = " ".join(command.collect_usage_pieces(context))
    yield f'.TH "{title.upper()}" 1 "" "streamwatchd {streamwatchd.__version__}" "streamwatchd"'
    yield ".SH NAME"
    yield f"{roff(title)} \\- {roff(command.get_short_help_str(200))}"
    yield ".SH SYNOPSIS"
    yield f".B {roff(name)}\n{roff(usage)}"
    yield ".SH DESCRIPTION"
    for paragraph in (command.help or "").split("\n\n"):
        yield f".PP\n{roff(' '.join(paragraph.replace(chr(8), '').split()))}"
    yield ".SH OPTIONS"
    for parameter in command.get_params(context):
        record = parameter.get_help_record(context)
        if record is not None and isinstance(parameter, click.Option):
            yield f".TP\n.B {roff(record[0])}\n{roff(record[1])}"
    if isinstance(command, click.Group):
        yield ".SH COMMANDS"
        for each in command.list_commands(context):
            below = command.get_command(context, each)
            if below is not None:
                yield f".TP\n.B {roff(f'{name} {each}')}\n{roff(below.get_short_help_str(200))}"
    yield ".SH EXIT STATUS\n0 fine, 1 findings, 2 wrong usage or unreadable input, 130 interrupted."


def main() -> None:
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "build/man")
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in pages(swctl, "swctl"):
        (folder / name).write_text(text, encoding="utf-8")
    print(folder / "swctl.1")


if __name__ == "__main__":
    main()
