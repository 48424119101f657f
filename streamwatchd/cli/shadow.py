"""`swctl shadow`: what a rule in shadow would have told, before it is promoted."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from streamwatchd.cli.comparison import endless
from streamwatchd.cli.control import ask, columns, print_json, socket_path
from streamwatchd.cli.project import compile_or_exit, plural, project_options
from streamwatchd.cli.record import open_kafka
from streamwatchd.cli.rehearsal import Manner, rehearse
from streamwatchd.cli.trial import Trials, beside, documents_of, report
from streamwatchd.compiler import Compiled
from streamwatchd.control import CommandRefused
from streamwatchd.diagnostics import did_you_mean
from streamwatchd.errors import UnreadableInput
from streamwatchd.rules.ruleset import RuleSet
from streamwatchd.testing.timeline_times import absolute


@click.command("shadow")
@click.argument("rule", metavar="[RULE]", required=False)
@project_options
@click.option("--recording", metavar="FILE", help="Play this traffic, in place of reading the shadow topic.")
@click.option("--source", metavar="NAME", help="The source of bare events [default: the only one].")
@click.option("--beside", "other", metavar="RULE", help="Compare with a live rule, such as the one it will replace.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")
def command(
    rule: str | None,
    config: Path | None,
    rules_dir: Path | None,
    recording: str | None,
    source: str | None,
    other: str | None,
    as_json: bool,
) -> None:
    """Say what RULE, which is in `mode: shadow`, would have told: how often, by severity, key and day.

    It is read from the shadow topic, as far back as that goes, or from recorded traffic. Without RULE, one line for
    each rule in shadow. To promote a rule, delete its line `mode: shadow`: its state goes on, and alarms that are up
    then are told once.
    """
    compiled, program = compile_or_exit(config, rules_dir)
    rules = compiled.loaded.ruleset
    names = _chosen(rules, rule, with_live=recording is not None)
    trials = Trials([*names, *([other] if other and _known(rules, other) else [])], endless(rules))
    since_ms: int | None = None
    judged_ms: int | None = None
    if recording is not None:
        now_ms = int(time.time() * 1000)
        played = rehearse(recording, compiled, program, Manner(source, None, False, now_ms, False), trials.take)
        since_ms, judged_ms = played.first_ms, played.watermark_ms
    elif names:
        judged_ms = _watermark(config)
        _read(compiled, trials, other)
    found = [report(trials[name], since_ms, judged_ms) for name in names]
    if other and rule:
        found[0]["beside"] = beside(trials[rule], trials[other])
    if as_json:
        print_json(found[0] if rule else {"rules": found})
        return
    for line in _about(found[0], rules) if rule else _all(found):
        click.echo(line)


def _chosen(rules: RuleSet, rule: str | None, *, with_live: bool) -> list[str]:
    """The rules to report. Raises UnreadableInput for one of which nothing can be known."""
    if rule is None:
        return [each.name for each in rules.rules if each.shadow]
    _known(rules, rule)
    if not rules.rule(rule).shadow and not with_live:
        raise UnreadableInput(
            f"`{rule}` is not in shadow here: write `mode: shadow` into it, or see what it does in recorded traffic: "
            f"swctl shadow {rule} --recording FILE"
        )
    return [rule]


def _known(rules: RuleSet, rule: str) -> bool:
    names = [each.name for each in rules.rules]
    if rule not in names:
        hint = did_you_mean(rule, names) or f"there are {', '.join(names)}"
        raise UnreadableInput(f"there is no rule `{rule}`; {hint}")
    return True


def _read(compiled: Compiled, trials: Trials, other: str | None) -> None:
    settings = compiled.loaded.settings
    assert settings is not None
    for topic in (settings.topics.shadow, *([settings.topics.alerts] if other else [])):
        for document in documents_of(open_kafka(settings), topic):
            trials.add(document)


def _watermark(config: Path | None) -> int | None:
    """How far the running daemon has come; None where none answers."""
    try:
        shards = ask(socket_path(config, None), "status")["shards"]
    except (UnreadableInput, CommandRefused):
        return None
    found = [absolute(str(shard["watermark"])) for shard in shards if shard.get("watermark")]
    return min((each for each in found if each is not None), default=None)


def _all(found: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    if not found:
        yield "no rule is in shadow; `mode: shadow` in a rule puts it there"
        return
    rows: list[tuple[str, ...]] = [
        (each["rule"], f"{each['told']:,}", f"{each['a_day']:g}", f"{each['minutes']:g}", _rows(each), _span(each))
        for each in found
    ]
    yield columns(("rule", "told", "a day", "minutes", "rows", "from"), rows)


def _rows(found: Mapping[str, Any]) -> str:
    return f"{sum(found['rows'].values()):,}"


def _span(found: Mapping[str, Any]) -> str:
    return found["from"] or "nothing was written yet"


def _about(found: Mapping[str, Any], rules: RuleSet) -> Iterator[str]:
    if found["from"] is None:
        yield f"{found['rule']}: nothing was written of it yet"
        return
    yield click.style(f"{found['rule']}, {found['from']} to {found['until']}", bold=True)
    if found["rows"]:
        yield plural(sum(found["rows"].values()), "row")
    if found["told"] or found["muted"] or not found["rows"]:
        yield from _alarms(found)
    tables = {"severity": _severities(found), "key": _keys(found), "day": _days(found)}
    for title, rows in tables.items():
        if rows:
            yield ""
            head = ("told", "rows") if title == "day" else ("told", "minutes")
            yield columns((title, *head), rows)
    if "beside" in found:
        yield ""
        yield from _beside(found["beside"])
    if rules.rule(found["rule"]).shadow:
        yield ""
        yield "to promote it, delete the line `mode: shadow`; its state goes on"


def _alarms(found: Mapping[str, Any]) -> Iterator[str]:
    muted = f"; {found['muted']:,} more were muted" if found["muted"] else ""
    up = f", {found['up']:,} still up" if found["up"] else ""
    yield f"would have told {plural(found['told'], 'alarm')}, {found['a_day']:g} a day{muted}"
    yield f"{found['minutes']:g} minutes firing{up}"
    if (busiest := found["busiest_hour"]) is not None:
        yield f"most in the hour from {busiest['from']}: {busiest['told']:,}"


def _beside(found: Mapping[str, Any]) -> Iterator[str]:
    yield f"beside {found['rule']}, which told {plural(found['told'], 'alarm')} in that time:"
    yield f"  {found['both']:,} in both, {found['only_shadow']:,} only here, {found['only_other']:,} only there"


def _severities(found: Mapping[str, Any]) -> list[tuple[str, ...]]:
    return [(name, f"{each['told']:,}", f"{each['minutes']:g}") for name, each in found["severities"].items()]


def _keys(found: Mapping[str, Any]) -> list[tuple[str, ...]]:
    return [(each["key"] or "–", f"{each['told']:,}", f"{each['minutes']:g}") for each in found["keys"]]


def _days(found: Mapping[str, Any]) -> list[tuple[str, ...]]:
    told, rows = found["days"], found["rows"]
    return [(day, f"{told.get(day, 0):,}", f"{rows.get(day, 0):,}") for day in sorted({*told, *rows})]
