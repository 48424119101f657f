"""`swctl init`: a first project, from a recording or from nothing, that validates and whose test passes."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from pathlib import Path

import click

from streamwatchd import fields
from streamwatchd.cli.project import CONFIG, plural
from streamwatchd.cli.proposal import Proposal, proposed, source_name, topics_in
from streamwatchd.errors import UnreadableInput
from streamwatchd.recording import BareSource, open_recording
from streamwatchd.rules import rule_spec, settings_spec
from streamwatchd.testing.timeline_spec import TEST_FILE

SCHEMAS = {
    "streamwatchd": settings_spec.SETTINGS,
    "rules": rule_spec.FILE,
    "shared": rule_spec.SHARED_FILE,
    "rules_test": TEST_FILE,
}
_FOLDER = ".schemas"
_NONE = Proposal(
    "web",
    "web.requests",
    "ts",
    "shop",
    "shop",
    ("shop: string", "latency: {type: float, unit: ms}", "status: int"),
    ("latency", 120.0, 300.0),
    {"shop": "north", "latency": 120.0, "status": 200},
)


@click.command("init")
@click.argument("folder", metavar="DIR", type=click.Path(path_type=Path))
@click.option("--from", "recording", metavar="RECORDING", help="Propose sources and a rule from this traffic.")
@click.option("--topic", metavar="NAME", default="events", help="The topic of bare events [default: events].")
@click.option("--kafka", metavar="HOST:PORT", default="localhost:9092", help="The brokers [default: localhost:9092].")
def command(folder: Path, recording: str | None, topic: str, kafka: str) -> None:
    """Write a first project into DIR: the configuration, one rule, its test, and schemas for editors.

    From a recording it proposes the time field, the key, and each field with its type and unit; guesses are marked.
    Nothing is overwritten.
    """
    proposals = _proposals(recording, topic) if recording is not None else [_NONE]
    files = {CONFIG: _config(proposals, kafka), **_rules(proposals), **_schemas()}
    taken = [name for name in files if (folder / name).exists()]
    if taken:
        raise UnreadableInput(f"{folder / taken[0]} is there already; nothing was written")
    try:
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise UnreadableInput(f"{folder}: {error.strerror}") from None
    for name in files:
        if not name.startswith(_FOLDER):
            click.echo(f"written: {folder / name}")
    click.echo(f"{plural(len(proposals), 'source')}. Next: cd {folder}; swctl validate; swctl test-rule")


def _proposals(recording: str, topic: str) -> list[Proposal]:
    if recording == "-":
        raise UnreadableInput("--from needs a file")
    with open_recording(recording, BareSource(topic)) as opened:
        topics = topics_in(opened)
    if not topics:
        raise UnreadableInput(f"{recording} holds no JSON objects")
    names: dict[str, None] = {}
    found = []
    for each in topics:
        name = source_name(each.name)
        while name in names:
            name += "_2"
        names[name] = None
        found.append(proposed(each, name))
    return found


def _modeline(schema: str, up: str = "") -> str:
    return f"# yaml-language-server: $schema={up}{_FOLDER}/{schema}.json\n"


def _config(proposals: list[Proposal], kafka: str) -> str:
    lines = [_modeline("streamwatchd").rstrip(), "kafka:", f"  bootstrap.servers: {kafka}", "sources:"]
    for each in proposals:
        lines += [f"  {each.name}:", f"    topic: {each.topic}", f"    time: {_quoted(each.time)}", "    max_delay: 5s"]
        lines += [f"    key: {each.key}"] if each.key else []
        lines += ["    fields:", *(f"      {line}" for line in each.fields)] if each.fields else []
    return "\n".join(lines) + "\n"


def _quoted(text: str) -> str:
    return f'"{text}"' if text.startswith("@") else text


def _rules(proposals: list[Proposal]) -> Mapping[str, str]:
    """One rule on the first source that has something to watch, and its test."""
    best = next((each for each in proposals if each.measure and each.by), proposals[0])
    if best.measure is None or not best.by:
        return _counting(best)
    name, usual, highest = best.measure
    bound = _round_up(highest if highest > usual else usual + 1)
    field = next(line for line in best.fields if line.startswith(f"{name}:"))
    unit = {"ms": "ms", "us": "us", "s": "s", "percent": "%", "bytes": "B"}.get(_unit_of(field), "")
    clear = _number(max(bound * 0.8, (usual + bound) / 2))
    alarm = f"{name}_high"
    rule = f"""{_modeline("rules", "../")}source: {best.name}
every: 10s
labels: {{team: unknown}}
rules:
  - alarm: {alarm}
    by: {best.by}
    values:
      mean: avg({name} over 1m)
    when: mean > {_number(bound)}{unit} until mean < {clear}{unit}
    severity: warning
    message: "{name} of {{{best.by}}} is {{mean}}"
"""
    event = _event(best, without={name})
    low, high = _number(usual), _number(bound * 2)
    test = f"""{_modeline("rules_test", "../")}rules: [first.yaml]
tests:
  - name: fires while {name} is high, and clears
    events:
      - {{source: {best.name}, step: 10s, {event}{name}: "{low}x12 {high}x12 {low}x18"}}
    expect:
      - {{by: 4m, alarm: {alarm}, event: fired}}
      - {{alarm: {alarm}, event: resolved}}
  - name: stays silent while it is as usual
    events:
      - {{source: {best.name}, step: 10s, {event}{name}: "{low}x30"}}
    expect_no: [{{alarm: {alarm}}}]
"""
    return {"rules.d/first.yaml": rule, "rules.d/first_test.yaml": test}


def _counting(best: Proposal) -> Mapping[str, str]:
    """Where there is no number to watch: a KPI that counts."""
    by = f"    by: {best.by}\n" if best.by else ""
    rule = f"""{_modeline("rules", "../")}source: {best.name}
rules:
  - kpi: {best.name}_rate
{by}    every: 1m
    values: {{total: count()}}
"""
    event = _event(best, without=set())
    test = f"""{_modeline("rules_test", "../")}rules: [first.yaml]
tests:
  - name: counts the events of a minute
    events:
      - {{at: 0s, source: {best.name}, {event.rstrip(", ")}}}
      - {{at: 30s, source: {best.name}, {event.rstrip(", ")}}}
    until: 3m
    expect: [{{kpi: {best.name}_rate, values: {{total: 2}}}}]
"""
    return {"rules.d/first.yaml": rule, "rules.d/first_test.yaml": test}


def _event(best: Proposal, without: set[str]) -> str:
    """The key, and what else an event needs to be read: `shop: north, `."""
    wanted = [name for name in dict.fromkeys([best.key, best.by]) if name and name not in without]
    return "".join(f"{name}: {json.dumps(best.example[name])}, " for name in wanted if name in best.example)


def _unit_of(line: str) -> str:
    return line.partition("unit: ")[2].partition("}")[0]


def _round_up(value: float) -> float:
    """To two digits, so that it can be read."""
    if value <= 0:
        return 1.0
    step = 10.0 ** (math.floor(math.log10(value)) - 1)
    return math.ceil(value / step) * step


def _number(value: float) -> str:
    text = f"{value:.6f}".rstrip("0").rstrip(".")
    return text or "0"


def _schemas() -> Mapping[str, str]:
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema"}
    return {f"{_FOLDER}/{name}.json": json.dumps(head | fields.schema(form)) + "\n" for name, form in SCHEMAS.items()}
