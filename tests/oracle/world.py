"""Projects and logs in a few words: YAML through the real loader, events as lines of text."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import MappingProxyType

from streamwatchd.rules.loader import Loaded, load
from tests.oracle.oracle import Answers, answers
from tests.oracle.reading import LogItem, MarkAt, Record

START_MS = 1_767_571_200_000
"""2026-01-05T00:00Z, where `0s` is."""


@dataclass(slots=True)
class Case:
    """A small timeline. `tables` maps a table's name to CSV text; `partitions` are those with more than one."""

    name: str
    rules: str
    log: str
    sources: str = "metrics: {topic: metrics, time: ts, unit: ms, max_delay: 5s, key: host}"
    tables: Mapping[str, str] = field(default_factory=dict)
    partitions: Mapping[str, int] = field(default_factory=dict)
    alerts: str = ""
    kpis: str = ""
    late: str = ""
    dead: str = ""


def write_project(
    folder: Path,
    sources: str,
    rules: Mapping[str, str],
    tables: Mapping[str, str],
    calendars: Mapping[str, str] = MappingProxyType({}),
    silences: Mapping[str, str] = MappingProxyType({}),
) -> Path:
    """The files of a project; the path of its configuration."""
    (folder / "rules.d").mkdir(parents=True, exist_ok=True)
    (folder / "enrichment.d").mkdir(exist_ok=True)
    config = folder / "streamwatchd.yaml"
    config.write_text("sources:\n" + _indented(sources))
    for name, text in rules.items():
        (folder / "rules.d" / f"{name}.yaml").write_text(text)
    for name, text in calendars.items():
        (folder / "calendars.d").mkdir(exist_ok=True)
        (folder / "calendars.d" / f"{name}.yaml").write_text(text)
    for name, text in silences.items():
        (folder / "silences.d").mkdir(exist_ok=True)
        (folder / "silences.d" / f"{name}.yaml").write_text(text)
    for name, text in tables.items():
        head, _, body = text.partition("\n---\n") if "\n---\n" in text else ("", "", text)
        (folder / "enrichment.d" / f"{name}.csv").write_text(body.lstrip())
        (folder / "enrichment.d" / f"{name}.yaml").write_text(f"name: {name}\nfile: {name}.csv\n{head}\n")
    return config


def _indented(text: str) -> str:
    return "".join(f"  {line}\n" for line in text.strip("\n").split("\n"))


def load_project(config: Path) -> Loaded:
    loaded = load(config)
    errors = [found for found in loaded.diagnostics if found.is_error]
    assert not errors, errors
    return loaded


def load_case(case: Case, folder: Path) -> Loaded:
    return load_project(write_project(folder, case.sources, {"rules": case.rules}, case.tables))


def parse_log(text: str) -> dict[tuple[str, int], list[LogItem]]:
    """Lines `[topic[/partition]] TIME name=value…`, `… mark TIME`, or `… raw BYTES`; TIME is `90s` or `1.5s`."""
    logs: dict[tuple[str, int], list[LogItem]] = {}
    for line in filter(None, map(str.strip, text.splitlines())):
        place = re.match(r"([a-z_]+)(?:/(\d+))? (?=[\d-]|mark|raw)", line)
        topic, partition = (place[1], int(place[2] or 0)) if place else ("metrics", 0)
        rest = line[place.end() :] if place else line
        log = logs.setdefault((topic, partition), [])
        offset = sum(isinstance(item, Record) for item in log)
        if rest.startswith("mark "):
            log.append(MarkAt(ms(rest[5:])))
        elif rest.startswith("raw "):
            log.append(Record(rest[4:].encode(), offset, START_MS))
        else:
            log.append(_record(rest, offset))
    return logs


def _record(text: str, offset: int) -> Record:
    when, *pairs = text.split()
    event: dict[str, object] = {"ts": ms(when)}
    for pair in pairs:
        name, _, value = pair.partition("=")
        try:
            event[name] = json.loads(value)
        except ValueError:
            event[name] = value
    return Record(json.dumps(event).encode(), offset, ms(when))


def ms(text: str) -> int:
    """`90s`, `1.5s`, `25h` after the start → ms."""
    units = {"s": 1_000, "m": 60_000, "h": 3_600_000}
    return START_MS + round(float(text[:-1]) * units[text[-1]])


def solve(case: Case, folder: Path) -> Answers:
    loaded = load_case(case, folder)
    logs = parse_log(case.log)
    partitions = {source.topic: case.partitions.get(source.topic, 1) for source in loaded.ruleset.sources.values()}
    return answers(loaded.ruleset, loaded.tables, partitions, logs)


def seconds(time: int) -> str:
    return f"{(time - START_MS) / 1000:g}s"


def alert_lines(found: Answers) -> list[str]:
    """`AT rule event severity key… [value…] [reason]`, in order of time."""
    lines = []
    for alert in sorted(found.alerts, key=lambda alert: int(str(alert["at"]))):
        words = [seconds(alert["at"]), alert["rule"], alert["event"], alert["severity"], *_pairs(alert["key"])]  # type: ignore[arg-type]
        words += _pairs(alert["values"])
        keys = alert["context"].get("keys") if "folded" in alert["values"] else None  # type: ignore[attr-defined, operator]
        words += [f"[{keys}]"] if keys is not None else []
        words += [alert["reason"] or "", "muted" if alert["muted_by"] else ""]
        lines.append(" ".join(str(word) for word in words if word))
    return lines


def kpi_lines(found: Answers) -> list[str]:
    """`START..END kpi key… value… xEVENTS [rREVISION]`."""
    lines = []
    for row in sorted(found.kpis, key=lambda row: (row["window"][1], repr(row["key"]), row["revision"])):  # type: ignore[index]
        start, end = row["window"]  # type: ignore[misc]
        words = [f"{seconds(start)}..{seconds(end)}", row["kpi"], *_pairs(row["key"]), *_pairs(row["values"])]
        revision = [f"r{row['revision']}"] if row["revision"] else []
        lines.append(" ".join([*map(str, words), f"x{row['events']}", *revision]))
    return lines


def _pairs(named: object) -> list[str]:
    assert isinstance(named, dict)
    return [f"{name}={_text(value)}" for name, value in named.items()]


def _text(value: object) -> str:
    return "null" if value is None else f"{value:.6g}" if isinstance(value, float) else str(value)
