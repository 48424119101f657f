"""`swctl status`: how the running daemon is."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from streamwatchd.cli.control import ask, columns, daemon_options, number, print_json, socket_path, span
from streamwatchd.cli.project import plural

_HEAD = ("shard", "phase", "epoch", "records/s", "lag", "watermark", "snapshot", "restarts")
_MOST_RULES = 5


@click.command("status")
@daemon_options
@click.pass_context
def command(ctx: click.Context, config: Path | None, path: Path | None, as_json: bool) -> None:
    """Show how the running daemon is: its shards, the rules in force, what holds the watermark.

    Exit code 0: every shard works; 1: some do not (yet), or a topic is not there; 2: no daemon answers.
    """
    result = ask(socket_path(config, path), "status")
    if as_json:
        print_json(result)
    else:
        click.echo("\n".join(_lines(result)))
    ctx.exit(0 if result["state"] == "ok" else 1)


def _lines(status: Mapping[str, Any]) -> Iterator[str]:
    shards = status["shards"]
    running = sum(each["phase"] == "running" for each in shards)
    up = f"up {span(status['uptime_seconds'])}, process {status['pid']}"
    work = f"{running} of {plural(len(shards), 'shard')} at work" if shards else status["state"]
    yield f"streamwatchd {status['version']}, {status['app']}: {work}, {up}"
    yield from _rules(status["rules"])
    yield _holding(status["holding"], status.get("idle_partitions", 0), running == len(shards))
    for each in status["pending_settings"]:
        yield f"at the next start: {each}"
    yield from (f"topic {name} {why}" for name, why in status.get("topics", {}).items())
    yield from (
        f"topic {name} has got more partitions: alarms that are judged by partition tell no silence (`no_data`), and "
        f"begin anew once all that was there at {due} has been read"
        for name, due in status.get("settling", {}).items()
    )
    if shards:
        yield ""
        yield columns(_HEAD, [_row(each) for each in shards])
        yield from (f"shard {each['shard']}: {each['note']}" for each in shards if each.get("note"))
        for each in shards:
            if each.get("old_records_left"):
                left = plural(each["old_records_left"], "old record")
                done = f" ({each['old_records_done']:.0%} done)" if each.get("old_records_done") else ""
                yield f"shard {each['shard']}: {left} to read before the new rules are in force{done}"
        yield from _late(status["late"])
        yield from _models(status["models"])
        for each in shards:
            yield from (f"shard {each['shard']}, {what}: {why}" for what, why in each.get("troubles", {}).items())


def _rules(rules: Mapping[str, Any]) -> Iterator[str]:
    if rules["version"] is None:
        yield "rules: none in force yet"
    else:
        since = f" since {rules['since']} of event time" if rules["since"] else ""
        yield f"rules: version {rules['version']}{since}, content {rules['digest'][:12]}"
    if rules["proposed"]:
        yield f"rules: content {rules['proposed'][:12]} waits to be put in force"
        if rules.get("postponed_for"):
            yield f"  postponed, and tried again: {rules['postponed_for']}"
    if rules["refused"]:
        yield f"rules: {plural(len(rules['refused']), 'file')} refused, `swctl validate` says why:"
        yield from (f"  {path}" for path in rules["refused"])


def _holding(holding: Mapping[str, Any] | None, idle: int, all_work: bool) -> str:
    """`idle` is the number of partitions without records for `idle_after`; `all_work`: every shard is at work."""
    if holding is None and idle and not all_work:
        return f"watermark: {plural(idle, 'partition')} idle; it stands until every shard is at work"
    if holding is None:
        quiet = f"goes on with the clock, {plural(idle, 'partition')} idle: no records for `idle_after`"
        return f"watermark: {quiet if idle else 'no partition is at work'}"
    if holding["watermark"] is None:
        return f"watermark: {holding['topic']}[{holding['partition']}] holds it, no record has come there yet"
    place = f"{holding['topic']}[{holding['partition']}]"
    return f"watermark: {holding['watermark']}, {span(holding['behind_seconds'])} behind the clock, held by {place}"


def _late(late: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    """By source; which rules would have read them, the most first."""
    for source in (each for each in late if each["rule"] is None):
        of_rules = [each for each in late if each["source"] == source["source"] and each["rule"] is not None]
        most = sorted(of_rules, key=lambda each: (-each["events"], each["rule"]))[:_MOST_RULES]
        rules = ", ".join(f"{each['rule']} {number(each['events'])}" for each in most)
        more = len(of_rules) - len(most)
        said = f" ({rules}{f', and {more} more rules' if more else ''})" if rules else ""
        yield f"late: {plural(source['events'], 'event')} of {source['source']}{said}"


def _models(models: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for each in models:
        name = f"{each['model']}@{each['version']}"
        odd = f" ({number(each['odd'])} at or above 0.95)" if each["odd"] else ""
        failed = f", failed at {number(each['failed'])}" if each["failed"] else ""
        taken_back = each.get("taken_back_for")
        now = f"; taken back, {each['model']}@{taken_back} takes over" if taken_back else ""
        yield f"model: {name} scored {plural(each['scored'], 'row')}{odd}{failed}{now}"


def _row(shard: Mapping[str, Any]) -> tuple[str, ...]:
    return (
        str(shard["shard"]),
        shard["phase"],
        number(shard.get("epoch")),
        number(shard.get("records_per_second")),
        number(shard.get("lag_records")),
        shard.get("watermark") or "–",
        span(shard.get("snapshot_age_seconds")),
        str(shard["restarts"]),
    )
