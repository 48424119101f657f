"""`swctl explain`: how a rule runs, and why it did or did not fire."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import click

from streamwatchd.cli.control import ask, print_json, socket_path
from streamwatchd.cli.keys import key_of
from streamwatchd.cli.live import live as live_lines
from streamwatchd.cli.pairs import pairs
from streamwatchd.cli.past import past_of
from streamwatchd.cli.picture import section
from streamwatchd.cli.project import compile_or_exit, project_options
from streamwatchd.cli.rehearsal import Manner, rehearse
from streamwatchd.cli.times import MOMENT
from streamwatchd.cli.why import why
from streamwatchd.cli.written import Written
from streamwatchd.compiler import Compiled
from streamwatchd.diagnostics import did_you_mean
from streamwatchd.errors import UnreadableInput
from streamwatchd.plan.explain import explain
from streamwatchd.plan.program import Program

_WIDTH = 10


@click.command("explain")
@click.argument("rule", metavar="RULE")
@project_options
@click.option("--key", "keys", metavar="NAME=VALUE", multiple=True, help="A key of the rule; once for each name.")
@click.option("--live", is_flag=True, help="Ask the running daemon; implied by --key without --at or --recording.")
@click.option("--recording", metavar="FILE", help="Say why it is up or not from this traffic, not from the daemon.")
@click.option("--at", "at", type=MOMENT, metavar="TIME", help="The instant [default: now; of a recording its end].")
@click.option("--socket", "path", metavar="PATH", type=click.Path(path_type=Path), help="The daemon's control socket.")
@click.option("--json", "as_json", is_flag=True, help="Print the daemon's answer as JSON.")
@click.option("--source", metavar="NAME", help="The source of bare events [default: the only one].")
def command(
    rule: str,
    config: Path | None,
    rules_dir: Path | None,
    keys: tuple[str, ...],
    live: bool,
    recording: str | None,
    at: int | None,
    path: Path | None,
    as_json: bool,
    source: str | None,
) -> None:
    """Show the plan of RULE: where it runs and why, what it keeps per key, and with which rules it shares work.

    With --key the running daemon says what it makes of one key now: the state, each condition with its values, since
    when it is true and what is left of its hold, until when it warms up, what mutes it, late events, tables in force,
    and who holds the watermark. With --at the same is said of a past instant, from the records that Kafka retains of
    that time; with --recording from those of a file. Sizes are estimates.
    """
    if recording is None and at is None and (keys or live):
        _ask(rule, keys, socket_path(config, path), as_json)
        return
    compiled, program = compile_or_exit(config, rules_dir)
    names = [each.name for each in compiled.loaded.ruleset.rules]
    if rule not in names:
        if rule in compiled.loaded.bases:
            raise UnreadableInput(f"`{rule}` is a base, which is not run; name a rule that extends it")
        hint = did_you_mean(rule, names) or f"there are {', '.join(names)}"
        raise UnreadableInput(f"there is no rule `{rule}`; {hint}")
    if recording is not None:
        _why(recording, compiled, program, rule, keys, at, source)
        return
    if at is not None:
        if live:
            raise click.UsageError("--live is about now: --at does not go with it")
        _why_then(compiled, program, rule, keys, at)
        return
    first, *sections = explain(program.plan, compiled.loaded.ruleset, rule)
    click.echo(f"{click.style(first.title, bold=True)}   {' '.join(first.lines)}")
    for each in sections:
        for number, line in enumerate(each.lines):
            click.echo(f"{each.title if number == 0 else '':<{_WIDTH}}{line}")


def _ask(rule: str, keys: Sequence[str], path: Path, as_json: bool) -> None:
    key = pairs("--key", keys, "host=a1")
    try:
        result = ask(path, "explain", {"rule": rule, "key": key})
    except UnreadableInput as error:
        given = " ".join(f"--key {each}" for each in keys)
        raise UnreadableInput(
            f"{error}; or look into a recording: swctl explain {rule} --recording FILE {given}"
        ) from None
    if as_json:
        print_json(result)
        return
    for line in live_lines(result):
        click.echo(line)


def _why_then(compiled: Compiled, program: Program, name: str, keys: Sequence[str], at: int) -> None:
    """From the records that Kafka retains of the time before `at`."""
    rule = compiled.loaded.ruleset.rule(name)
    with past_of(compiled, rule, key_of(rule, keys), at) as past:
        _why(past.traffic.path, compiled, program, name, keys, at, None, past.written)
        for line in section("read", list(past.notes)):
            click.echo(line)


def _why(
    recording: str,
    compiled: Compiled,
    program: Program,
    name: str,
    keys: Sequence[str],
    at: int | None,
    source: str | None,
    written: Written | None = None,
) -> None:
    if recording == "-":
        raise UnreadableInput("--recording is read twice, so it must be a file")
    rule = compiled.loaded.ruleset.rule(name)
    key = key_of(rule, keys)
    manner = Manner(source, None, False, int(time.time() * 1000), False)
    if at is None:
        played = rehearse(recording, compiled, program, manner, lambda outputs: None)
        if played.watermark_ms is None:
            raise UnreadableInput(f"{recording} holds no event")
        at = played.watermark_ms
    for line in why(recording, compiled, rule, key, at, manner, written):
        click.echo(line)
