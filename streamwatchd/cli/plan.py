"""`swctl plan`: what an edit of rules and settings does to state, said before the merge."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, replace
from pathlib import Path

import click

from streamwatchd.cli.project import config_path, counted, plural, print_diagnostics, runnable
from streamwatchd.cli.revision import Version, version_at
from streamwatchd.compiler import compile_project
from streamwatchd.errors import RuleSetRejected
from streamwatchd.lang.units import format_duration
from streamwatchd.plan.change import Change, Fill, Panes, RuleChange, Side, Wait, compare
from streamwatchd.plan.explain import size_text
from streamwatchd.rules.document import Mapping
from streamwatchd.rules.settings_change import SettingChange, setting_changes, written_settings

_COLOURS = {"removed": "red", "edited": "yellow", "renamed": "yellow", "affected": "yellow", "added": "green"}
_WIDTH = 10
_FLAPPING = {
    "begins": "from now on it counts changes: no key flaps yet",
    "recounts": "changes that were seen count by the new `flapping`; what would be over by now is",
    "ends": "alerts of keys that flap resolve, with the reason rule_changed; what they muted and is up is told once",
}


@click.command("plan")
@click.argument("sides", metavar="[OLD] [NEW]", nargs=-1)
@click.option(
    "--config",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="The configuration that revisions are of [default: as for the other commands].",
)
@click.option("--output", type=click.Choice(["text", "json"]), default="text", help="How to print [default: text].")
def command(sides: tuple[str, ...], config: Path | None, output: str) -> None:
    """Say what the step from OLD to NEW does to state: what stays, what warms and for how long, what goes; and which
    settings change, as these take a restart.

    OLD and NEW are folders of a project, or git revisions of the configuration. Without NEW it is the files as they
    are now, without OLD it is HEAD. The daemon does the same at a reload, by the same code, with rules that have run
    for as long as their windows are. Exit code 0: compared; 1: mistakes in one of the two; 2: wrong usage.
    """
    if len(sides) > 2:
        raise click.UsageError("two at most: OLD and NEW")
    old, new = (*sides, *("HEAD", "")[len(sides) :])
    with ExitStack() as stack:
        before, after = _project(stack, old, config), _project(stack, new, config)
        old_side, (new_side, backfill_ms) = _side(before)[0], _side(after)
        change = compare(old_side, new_side, backfill_ms)
        settings = setting_changes(_written(before), _written(after))
    rules = tuple(replace(each, place=after.shown(before.shown(each.place))) for each in change.rules)
    change = replace(change, rules=rules)
    click.echo(_as_json(change, settings) if output == "json" else "\n".join(_text(change, settings)))


def _project(stack: ExitStack, name: str, config: Path | None) -> Version:
    if not name:
        return Version(config_path(config))
    path = Path(name)
    if path.is_file():
        return Version(path)
    return stack.enter_context(version_at(path if path.is_dir() else config_path(config), name))


def _side(project: Version) -> tuple[Side, int]:
    """With how far back its settings let windows be filled. Prints what is wrong and exits where there are mistakes."""
    compiled = compile_project(project.config)
    try:
        settings = compiled.loaded.settings
        return Side(runnable(compiled).plan, compiled.loaded.ruleset), settings.backfill_ms if settings else 0
    except RuleSetRejected as rejected:
        print_diagnostics(map(project.told, rejected.diagnostics), err=True)
        click.echo(counted(rejected.diagnostics), err=True)
        click.get_current_context().exit(1)


def _written(project: Version) -> Mapping:
    return written_settings(project.config, project.config.read_bytes(), os.environ)


# what it says


def _text(change: Change, settings: Sequence[SettingChange]) -> Iterator[str]:
    for setting in settings:
        yield from _setting(setting)
        yield ""
    for each in change.rules:
        if each.what != "unchanged":
            yield from _rule(each)
            yield ""
    yield _summary(change, len(settings))


def _setting(each: SettingChange) -> Iterator[str]:
    yield f"{_head('edited')}setting {click.style(each.name, bold=True)}   {each.old} → {each.new}"
    yield f"  {'takes':<{_WIDTH - 2}}a {each.takes}"
    if each.effect:
        yield f"  {'state':<{_WIDTH - 2}}{each.effect}"


def _head(what: str) -> str:
    return click.style(f"{what:<{_WIDTH}}", fg=_COLOURS[what], bold=True)


def _rule(each: RuleChange) -> Iterator[str]:
    was = f" (was {each.was})" if each.was else ""
    yield f"{_head(each.what)}{each.kind} {click.style(each.name, bold=True)}{was}   {each.place}"
    for title, lines in _sections(each):
        for number, line in enumerate(lines):
            yield f"  {title if number == 0 else '':<{_WIDTH - 2}}{line}"


def _sections(each: RuleChange) -> Iterator[tuple[str, list[str]]]:
    yield "alarms", list(_alarms(each))
    yield "stays", [_panes(panes) for panes in each.stays]
    yield "begins", [_panes(panes) for panes in each.begins]
    if each.what != "removed":
        yield "fills", [_fill(fill) for fill in each.fills]
        yield "warms", [_wait(each.kind, wait) for wait in each.waits] or ["nothing: it is judged at once"]
    yield "goes", [_panes(panes) for panes in each.goes]


def _panes(panes: Panes) -> str:
    sizes = [size_text(size) for size in (panes.bytes_before, panes.bytes_after) if size]
    size = sizes[0] if sizes[0] == sizes[-1] else " → ".join(sizes)
    later = f", {format_duration(panes.later_ms)} later" if panes.later_ms else ""
    return f"panes of {panes.text}{later}: {size} a key"


def _alarms(each: RuleChange) -> Iterator[str]:
    if each.alarms == "stay":
        yield "what is up stays up, with its id; holds go on"
        if each.unheard_ms:
            yield f"those of keys that the new panes hear nothing of resolve {format_duration(each.unheard_ms)} later"
        if each.promoted:
            yield "it was in shadow: what is up is told once, and its end to the same readers"
        if each.flapping:
            yield _FLAPPING[each.flapping]
    elif each.alarms == "resolve":
        yield f"what is up resolves, with the reason {each.reason}"


def _fill(fill: Fill) -> str:
    return f"from Kafka: the last {format_duration(fill.ms)} of topic {fill.topic}, as far as it is retained"


def _wait(kind: str, wait: Wait) -> str:
    if kind == "kpi":
        return f"{wait.window} counts what has come since the change, for up to {format_duration(wait.ms)}"
    return f"{wait.window} is null for up to {format_duration(wait.ms)}"


def _summary(change: Change, settings: int) -> str:
    counts = Counter(each.what for each in change.rules)
    parts = [f"{counts[what]} {what}" for what in (*_COLOURS, "unchanged") if counts[what]]
    resolving = sum(each.alarms == "resolve" for each in change.rules)
    warming = sum(bool(each.waits) for each in change.rules)
    cost = f"state a key {size_text(change.bytes_before)}"
    if change.bytes_before != change.bytes_after:
        cost += f" → {size_text(change.bytes_after)}"
    says = [", ".join(parts) or "no rules", f"{plural(warming, 'rule')} to warm", cost]
    if resolving:
        says.insert(1, f"{plural(resolving, 'rule')} whose alarms resolve")
    if settings:
        says.insert(0, f"{plural(settings, 'setting')} to restart for")
    return "; ".join(says)


def _as_json(change: Change, settings: Sequence[SettingChange]) -> str:
    found = {"settings": [asdict(each) for each in settings], **asdict(change)}
    return json.dumps(found, indent=2, ensure_ascii=False)
