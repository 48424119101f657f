"""`swctl dry-run`: recorded traffic through the daemon's own engine, as fast as the machine can."""

from __future__ import annotations

import time
from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path

import click

from streamwatchd.cli import comparison
from streamwatchd.cli.comparison import Comparison, compared, endless, heard
from streamwatchd.cli.playing import readable
from streamwatchd.cli.project import compile_or_exit, config_path, project_options
from streamwatchd.cli.rehearsal import Manner, rehearse
from streamwatchd.cli.results import Results
from streamwatchd.cli.revision import version_at
from streamwatchd.cli.summary import summary
from streamwatchd.cli.times import MOMENT, PAST
from streamwatchd.cli.traffic import Traffic, Wanted, named, traffic_of
from streamwatchd.compiler import Compiled
from streamwatchd.errors import UnreadableInput
from streamwatchd.plan.change import Side, compare
from streamwatchd.plan.program import Program
from streamwatchd.shard.output import Output
from streamwatchd.testing.episodes import What


@click.command("dry-run")
@click.argument("recording", metavar="[RECORDING|TOPIC]", required=False)
@project_options
@click.option("--out", metavar="DIR", type=click.Path(path_type=Path), help="Where results are written.")
@click.option("--topic", "topics", metavar="TOPIC", multiple=True, help="Play a topic or source, in place of a file.")
@click.option("--from", "from_ms", type=PAST, metavar="TIME", help="Of a topic, from then on: 2h (ago), or a time.")
@click.option("--until", "until_ms", type=PAST, metavar="TIME", help="Of a topic, up to then.")
@click.option("--source", metavar="NAME", help="The source of bare events [default: the only one].")
@click.option("--partitions", type=click.IntRange(1, 100_000), metavar="N", help="Spread bare events by the key.")
@click.option("--flush", is_flag=True, help="Close the windows that the watermark has not closed.")
@click.option("--now", type=MOMENT, metavar="TIME", help="The clock that judges stamps from the future [default: now].")
@click.option("--exact-marks", is_flag=True, help="Play only recorded marks: derive none from record timestamps.")
@click.option("--against", metavar="REV", help="Say what the edit since REV (a git revision, or a folder) changes.")
@click.option("--output", type=click.Choice(["text", "json", "markdown"]), default="text", help="How to print that.")
@click.option("--max-new", type=click.IntRange(0), metavar="N", help="Exit 1 if more alerts than N are added.")
@click.option("--max-gone", type=click.IntRange(0), metavar="N", help="Exit 1 if more alerts than N are removed.")
@click.pass_context
def command(
    ctx: click.Context,
    recording: str | None,
    config: Path | None,
    rules_dir: Path | None,
    out: Path | None,
    topics: tuple[str, ...],
    from_ms: int | None,
    until_ms: int | None,
    source: str | None,
    partitions: int | None,
    flush: bool,
    now: int | None,
    exact_marks: bool,
    against: str | None,
    output: str,
    max_new: int | None,
    max_gone: int | None,
) -> None:
    """Play RECORDING and write alerts, KPI rows, late events and dead letters to DIR.

    RECORDING is NDJSON (plain, .gz, .zst) or Parquet, or `-` for standard input: records of Kafka as
    {topic, partition, offset, timestamp, key, value}, or bare events of --source. With the name of a source or of its
    topic, or with --topic for several, it is what Kafka holds of them, all or --from … --until …, read once into a
    temporary file.

    With --against it is played with both versions: alerts added, removed and moved, by rule and owner (label `owner`
    or `team`). Exit code 0: done; 1: mistakes in rules, or more changes than --max-new or --max-gone allow.
    """
    if (recording is None) == (not topics):
        raise click.UsageError("say what to play: a RECORDING, or --topic TOPIC")
    if out is None and against is None:
        raise click.UsageError("say where results are written: --out DIR")
    if against is None and (max_new, max_gone, output) != (None, None, "text"):
        raise click.UsageError("--max-new, --max-gone and --output go with --against REV")
    now_ms = int(time.time() * 1000) if now is None else now
    manner = Manner(source, partitions, flush, now_ms, exact_marks)
    version = _Version(*compile_or_exit(config, rules_dir))
    topics = topics or named(recording, version.compiled)
    if not topics and (from_ms, until_ms) != (None, None):
        raise click.UsageError("--from and --until go with --topic TOPIC")
    with ExitStack() as stack:
        stretch = Wanted(topics, from_ms, until_ms) if topics else None
        traffic = stack.enter_context(traffic_of(recording, stretch, version.compiled))
        if against is None:
            assert out is not None
            _alone(traffic, version, manner, out)
            return
        found = _against(traffic, version, against, config_path(config), manner, out)
    _print(found, output)
    ctx.exit(_exit_code(found, max_new, max_gone))


@dataclass(frozen=True, slots=True)
class _Version:
    compiled: Compiled
    program: Program

    @property
    def side(self) -> Side:
        return Side(self.program.plan, self.compiled.loaded.ruleset)


def _alone(traffic: Traffic, version: _Version, manner: Manner, out: Path) -> None:
    with Results(out, endless(version.side.rules)) as results:
        played = rehearse(traffic.path, version.compiled, version.program, manner, results.write)
    for line in summary(replace(played, recording=traffic.name), results.tally):
        click.echo(line)


def _against(
    traffic: Traffic, version: _Version, revision: str, config: Path, manner: Manner, out: Path | None
) -> Comparison:
    with ExitStack() as stack:
        path = stack.enter_context(readable(traffic.path, twice=True))
        then = stack.enter_context(version_at(config, revision))
        old = _Version(*compile_or_exit(then.config, None, then.told))
        renamed = {each.was: each.name for each in compare(old.side, version.side).rules if each.was}
        before, after = heard(old.side.rules, renamed), heard(version.side.rules)
        _check_source(old, manner)
        rehearse(path, old.compiled, old.program, manner, before.take)
        results = stack.enter_context(Results(out)) if out is not None else None

        def take(outputs: Iterable[Output]) -> None:
            outputs = list(outputs)
            after.take(outputs)
            if results is not None:
                results.write(outputs)

        played = rehearse(path, version.compiled, version.program, manner, take)
    until_ms = played.watermark_ms if played.watermark_ms is not None else 0
    return compared(traffic.name, revision, played.events, until_ms, before, after)


def _check_source(old: _Version, manner: Manner) -> None:
    known = old.compiled.loaded.ruleset.sources
    if manner.source is not None and manner.source not in known:
        raise UnreadableInput(f"the older version has no source `{manner.source}`: there is nothing to compare with")


def _print(found: Comparison, output: str) -> None:
    if output == "json":
        click.echo(comparison.as_json(found))
        return
    for line in comparison.as_markdown(found) if output == "markdown" else comparison.as_text(found):
        click.echo(line)


def _exit_code(found: Comparison, max_new: int | None, max_gone: int | None) -> int:
    """1 where a budget is exceeded, which is said on standard error; muted alarms wake nobody and do not count."""
    code = 0
    for name, what, most in (("--max-new", What.ADDED, max_new), ("--max-gone", What.REMOVED, max_gone)):
        count = found.count(what)
        if most is not None and count > most:
            click.echo(f"swctl: {count:,} alerts {what}, {name} allows {most:,}", err=True)
            code = 1
    return code
