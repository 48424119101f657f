"""`swctl explain`: how a rule runs, and why it did or did not fire."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from pathlib import Path

import click

from streamwatchd.cli.project import compile_or_exit, project_options
from streamwatchd.cli.rehearsal import Manner, rehearse
from streamwatchd.cli.times import MOMENT
from streamwatchd.cli.why import why
from streamwatchd.compiler import Compiled, Program
from streamwatchd.diagnostics import did_you_mean
from streamwatchd.errors import UnreadableInput
from streamwatchd.plan.explain import explain
from streamwatchd.rules.ruleset import Rule

_WIDTH = 10


@click.command("explain")
@click.argument("rule", metavar="RULE")
@project_options
@click.option("--recording", metavar="FILE", help="Say why it is up or not, from this traffic.")
@click.option("--key", "keys", metavar="NAME=VALUE", multiple=True, help="A key of the rule; once for each name.")
@click.option("--at", "at", type=MOMENT, metavar="TIME", help="The instant [default: the end of the recording].")
@click.option("--source", metavar="NAME", help="The source of bare events [default: the only one].")
def command(
    rule: str,
    config: Path | None,
    rules_dir: Path | None,
    recording: str | None,
    keys: tuple[str, ...],
    at: int | None,
    source: str | None,
) -> None:
    """Show the plan of RULE: where it runs and why, what it keeps per key, and with which rules it shares work.

    With --recording it shows one key at an instant: the state, each condition with its values, since when it is true
    and what is left of its hold, late events, table columns, and what happened. Sizes are estimates.
    """
    compiled, program = compile_or_exit(config, rules_dir)
    names = [each.name for each in compiled.loaded.ruleset.rules]
    if rule not in names:
        hint = did_you_mean(rule, names) or f"there are {', '.join(names)}"
        raise UnreadableInput(f"there is no rule `{rule}`; {hint}")
    if recording is None and (keys or at is not None):
        hint = f"swctl record --out now.ndjson, then swctl explain {rule} --recording now.ndjson --key …"
        raise UnreadableInput(f"--key and --at look into a recording: {hint}")
    if recording is not None:
        _why(recording, compiled, program, rule, keys, at, source)
        return
    first, *sections = explain(program.plan, compiled.loaded.ruleset, rule)
    click.echo(f"{click.style(first.title, bold=True)}   {' '.join(first.lines)}")
    for section in sections:
        for number, line in enumerate(section.lines):
            click.echo(f"{section.title if number == 0 else '':<{_WIDTH}}{line}")


def _why(
    recording: str,
    compiled: Compiled,
    program: Program,
    name: str,
    keys: Sequence[str],
    at: int | None,
    source: str | None,
) -> None:
    if recording == "-":
        raise UnreadableInput("--recording is read twice, so it must be a file")
    rule = compiled.loaded.ruleset.rule(name)
    key = _key(rule, keys)
    manner = Manner(source, None, False, int(time.time() * 1000), False)
    if at is None:
        played = rehearse(recording, compiled, program, manner, lambda outputs: None)
        if played.watermark_ms is None:
            raise UnreadableInput(f"{recording} holds no event")
        at = played.watermark_ms
    for line in why(recording, compiled, rule, key, at, manner):
        click.echo(line)


def _key(rule: Rule, keys: Sequence[str]) -> Mapping[str, str]:
    """Name → value; raises UnreadableInput unless these are the keys of the rule."""
    found = dict(each.partition("=")[::2] for each in keys)
    names = [key.name for key in rule.by]
    if set(found) != set(names):
        wanted = " ".join(f"--key {name}=…" for name in names) or "no --key: it has no `by`"
        raise UnreadableInput(f"`{rule.name}` takes {wanted}")
    return found
