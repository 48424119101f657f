"""`swctl explain`: how a rule runs."""

from __future__ import annotations

from pathlib import Path

import click

from streamwatchd.cli.project import compile_or_exit, project_options
from streamwatchd.diagnostics import did_you_mean
from streamwatchd.errors import UnreadableInput
from streamwatchd.plan.explain import explain

_WIDTH = 10


@click.command("explain")
@click.argument("rule", metavar="RULE")
@project_options
def command(rule: str, config: Path | None, rules_dir: Path | None) -> None:
    """Show the plan of RULE: where it runs and why, what it keeps per key, and with which rules it shares work.

    Sizes are estimates.
    """
    compiled, program = compile_or_exit(config, rules_dir)
    names = [each.name for each in compiled.loaded.ruleset.rules]
    if rule not in names:
        hint = did_you_mean(rule, names) or f"there are {', '.join(names)}"
        raise UnreadableInput(f"there is no rule `{rule}`; {hint}")
    first, *sections = explain(program.plan, compiled.loaded.ruleset, rule)
    click.echo(f"{click.style(first.title, bold=True)}   {' '.join(first.lines)}")
    for section in sections:
        for number, line in enumerate(section.lines):
            click.echo(f"{section.title if number == 0 else '':<{_WIDTH}}{line}")
