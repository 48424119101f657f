"""The group of commands: loads the one that is called, and turns errors into a sentence and an exit code."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping
from typing import Any

import click

from streamwatchd.diagnostics import did_you_mean
from streamwatchd.errors import StreamwatchdError

INTERRUPTED = 130
PIPE_CLOSED = 141


class Commands(click.Group):
    """Commands by name with their one-line help, so that `--help` loads none of them."""

    def __init__(self, package: str, commands: Mapping[str, str], **settings: Any) -> None:
        super().__init__(**settings)
        self._package, self._summaries = package, commands

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self._summaries)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self._summaries:
            return None
        module = importlib.import_module(f"{self._package}.{cmd_name.replace('-', '_')}")
        command: click.Command = module.command
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        if args and args[0] not in self._summaries and not args[0].startswith("-"):
            close = did_you_mean(args[0], self._summaries) or f"commands: {', '.join(self._summaries)}"
            raise click.UsageError(f"there is no command `{args[0]}`; {close}", ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        with formatter.section("Commands"):
            formatter.write_dl(list(self._summaries.items()))

    def main(self, *args: Any, **settings: Any) -> Any:
        settings.setdefault("prog_name", self.name)
        return super().main(*args, **settings)

    def invoke(self, ctx: click.Context) -> Any:
        """Errors of our families are the user's to mend; anything else is a bug and shows its traceback."""
        try:
            return super().invoke(ctx)
        except StreamwatchdError as error:
            click.echo(f"swctl: {error}", err=True)
            ctx.exit(2)
        except KeyboardInterrupt:
            click.echo("\nswctl: interrupted", err=True)
            ctx.exit(INTERRUPTED)
        except BrokenPipeError:
            # Nobody reads on; what the interpreter flushes at its end must not fail once more.
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
            ctx.exit(PIPE_CLOSED)
