"""The silences of `silences.d/`, checked against the rules that are in force.

A file that does not check is refused alone: its last good content stays, if that still checks. That a rule is gone is
no mistake of a silence: it is told, and mutes nothing.
"""

from __future__ import annotations

from collections.abc import Iterator
from collections.abc import Mapping as MappingOf
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from streamwatchd.calendars.silence import ALWAYS_MS, NEVER_MS, Ack, Silence
from streamwatchd.diagnostics import Diagnostic, did_you_mean
from streamwatchd.lang.scope import Meaning, Scope, Undeclared
from streamwatchd.lang.typed import STRING, Expr, Key, Kind, Literal, TableColumn, first_on
from streamwatchd.rules import codes
from streamwatchd.rules.document import Mapping, Scalar, Sequence
from streamwatchd.rules.expressions import Language
from streamwatchd.rules.files import Files, paths_in
from streamwatchd.rules.form import Findings, Read, read
from streamwatchd.rules.reader import parse
from streamwatchd.rules.ruleset import Alarm, Anomaly, RuleSet
from streamwatchd.rules.silence_spec import ACK, SILENCE, SILENCES
from streamwatchd.rules.streams import Place
from streamwatchd.rules.zone import zone_of

SPOKEN = ".spoken.json"
"""Beside the files of the folder, by name only: what was said at run time. The daemon keeps it among its contents."""


def is_spoken(found: Diagnostic) -> bool:
    """Whether a finding is about what was said at run time."""
    return found.span is not None and found.span.file.endswith(SPOKEN)


@dataclass(slots=True)
class Silences:
    """What came of the files: silences by rule, findings by file, the files in force and those refused.

    `broken` are calendars that are refused, with their file.
    """

    by_rule: dict[str, tuple[Silence, ...]] = field(default_factory=dict)
    acks: dict[str, tuple[Ack, ...]] = field(default_factory=dict)
    problems: dict[str, list[Diagnostic]] = field(default_factory=dict)
    files: dict[str, bytes] = field(default_factory=dict)
    refused: list[str] = field(default_factory=list)
    broken: MappingOf[str, str] = field(default_factory=dict)


def silence_paths(folder: Path) -> tuple[str, ...]:
    """The files of silences in a folder, not below."""
    return paths_in(folder, (".yaml", ".yml"))


def read_silences(folder: Path, files: Files, rules: RuleSet, broken: MappingOf[str, str]) -> Silences:
    """All silences of a folder. A name in two files stays with the first. `broken` are calendars that are refused."""
    found, taken = Silences(broken=broken), dict[str, str]()
    for path in files.below(folder):
        good = _read_file(path, files.content(path), rules, taken, found)
        if not good:
            found.refused.append(path)
            kept = files.last_good.get(path)
            if kept is not None and kept != files.content(path):
                _read_file(path, kept, rules, taken, Silences(found.by_rule, found.acks, {}, found.files))
    return found


def _read_file(path: str, content: bytes | Diagnostic, rules: RuleSet, taken: dict[str, str], found: Silences) -> bool:
    """Whether the file checks; if so, what it says is in force."""
    if isinstance(content, Diagnostic):
        found.problems[path] = [content]
        return False
    document = parse(path, content)
    findings = Findings(document, problems=list(document.diagnostics))
    silences: list[tuple[str, Silence]] = []
    acks: list[tuple[str, Ack]] = []
    names = dict(taken)
    if document.top is not None:
        body = read(document.top, SILENCES, findings)
        zone, node = zone_of(body, findings), body.values.get("silences")
        for item in node.items if isinstance(node, Sequence) else ():
            if isinstance(item, Mapping):
                silences += _silence(read(item, SILENCE, findings), zone, rules, names, findings, found.broken)
        known = body.values.get("acks")
        for item in known.items if isinstance(known, Sequence) else ():
            if isinstance(item, Mapping):
                acks += _ack(read(item, ACK, findings), rules, findings)
        if node is None and known is None and not findings.has_errors:
            hint = "add `silences:`, or remove the file"
            findings.add(codes.MISSING_FIELD, "nothing is silenced here", document.top.span, hint=hint)
    found.problems[path] = list(findings.problems)
    if findings.has_errors:
        return False
    taken |= names
    for rule, silence in silences:
        found.by_rule[rule] = (*found.by_rule.get(rule, ()), silence)
    for rule, ack in acks:
        found.acks[rule] = (*found.acks.get(rule, ()), ack)
    found.files[path] = content
    return True


def _silence(
    body: Read, zone: str, rules: RuleSet, taken: dict[str, str], findings: Findings, broken: MappingOf[str, str]
) -> Iterator[tuple[str, Silence]]:
    name = body.scalar("silence")
    if name is None:
        return
    if name.text in taken:
        message = f"a silence `{name.text}` is there already: {taken[name.text]}"
        findings.add(codes.BAD_SILENCE, message, name.span, hint="give it another name")
    taken[name.text] = findings.document.file
    calendar, called = rules.calendars.get(body.text("during")), body.text("during")
    if called in broken:
        message = f"calendar `{called}` is refused: {broken[called]}"
        findings.add(codes.BAD_SILENCE, message, body.key("during"), hint="mend that file first")
    elif "during" in body and calendar is None:
        hint = did_you_mean(called, rules.calendars) or "add it to the folder of calendars"
        findings.add(codes.BAD_SILENCE, f"there is no calendar `{called}`", body.key("during"), hint=hint)
    if "until" not in body and "during" not in body:
        hint = "add `until:`, or `during:` with a calendar"
        findings.add(codes.BAD_SILENCE, f"the silence `{name.text}` has no end", name.span, hint=hint)
    begins, ends = _moment(body, "from", zone, findings), _moment(body, "until", zone, findings)
    if begins is not None and ends is not None and ends <= begins:
        message = "the silence ends before it begins"
        findings.add(codes.BAD_SILENCE, message, body.key("until"), hint="exchange `from` and `until`")
    from_ms, until_ms = ALWAYS_MS if begins is None else begins, NEVER_MS if ends is None else ends
    where = body.scalar("where")
    for rule in _chosen(body, name, rules, findings):
        expr = None if where is None else _where(where, rule, findings)
        if where is None or expr is not None:
            yield rule.name, Silence(name.text, expr, from_ms, until_ms, calendar)


def _ack(body: Read, rules: RuleSet, findings: Findings) -> Iterator[tuple[str, Ack]]:
    name, rule = body.scalar("ack"), body.scalar("rule")
    if name is None or rule is None:
        return
    found = _alarm(rule, _alarms(rules), findings)
    if found is None:
        return
    where = body.scalar("where")
    expr = None if where is None else _where(where, found, findings)
    note = ": ".join(filter(None, (body.text("by"), body.text("note"))))
    if where is None or expr is not None:
        yield rule.text, Ack(name.text, expr, note)


def _chosen(body: Read, name: Scalar, rules: RuleSet, findings: Findings) -> Iterator[Alarm | Anomaly]:
    """The alarms that a silence is about."""
    alarms = _alarms(rules)
    written, labels = body.scalars("rules"), body.texts("labels")
    if not written and not labels:
        hint = "add `rules: [name]`, or `labels: {team: noc}`"
        findings.add(codes.BAD_SILENCE, f"the silence `{name.text}` names no alarms", name.span, hint=hint)
        return
    named = [_alarm(scalar, alarms, findings) for scalar in written] if written else alarms.values()
    wanted = {rule.name: rule for rule in named if rule is not None}
    chosen = [rule for rule in wanted.values() if all(rule.labels.get(label) == text for label, text in labels.items())]
    if wanted and not chosen:
        hint = "look at the `labels` of rules, and of their files"
        findings.warn(codes.BAD_SILENCE, f"the silence `{name.text}` is about no alarm", name.span, hint=hint)
    yield from chosen


def _alarms(rules: RuleSet) -> dict[str, Alarm | Anomaly]:
    return {rule.name: rule for rule in rules.rules if isinstance(rule, Alarm | Anomaly)}


def _alarm(name: Scalar, alarms: dict[str, Alarm | Anomaly], findings: Findings) -> Alarm | Anomaly | None:
    """That of a name; None, with a warning, where there is none: a silence may outlive its rule."""
    if name.text not in alarms:
        there = f"alarms: {', '.join(sorted(alarms)[:12])}" if alarms else "no alarm is there that checks"
        hint = did_you_mean(name.text, alarms) or there
        findings.warn(codes.BAD_SILENCE, f"no alarm has the name `{name.text}`", name.span, hint=hint)
    return alarms.get(name.text)


def _where(scalar: Scalar, rule: Alarm | Anomaly, findings: Findings) -> Expr | None:
    """The condition as it is read for the keys of a rule."""
    names: dict[str, Meaning] = {label: Literal(text, STRING) for label, text in rule.labels.items()}
    keys = {key.name for key in rule.by}
    for each in rule.context:
        if isinstance(each, TableColumn) and first_on(each.on) in keys:
            names |= {each.column: each, f"{each.table}.{each.column}": each}
    names |= {key.name: Key(key.name, key.expr.type) for key in rule.by}
    tables: dict[str, tuple[str, ...]] = {}
    for node in names.values():
        if isinstance(node, TableColumn):
            tables[node.table] = (*tables.get(node.table, ()), node.column)
    scope = Scope(names, Undeclared.CLOSED, tables=tables, source=rule.name)
    return Language(findings).expression(scalar, Place(scope), Kind.BOOL)


def _moment(body: Read, name: str, zone: str, findings: Findings) -> int | None:
    """Event time in ms; a time without an offset is of the file's zone."""
    scalar = body.scalar(name)
    if scalar is None:
        return None
    try:
        found = datetime.fromisoformat(scalar.text.strip())
    except ValueError:
        hint = 'write it as "2026-03-01 22:00", in the zone of the file, or as "2026-03-01T22:00:00Z"'
        findings.add(codes.BAD_TIME, f"`{scalar.text}` is no time here", scalar.span, hint=hint)
        return None
    found = found if found.tzinfo is not None else found.replace(tzinfo=ZoneInfo(zone))
    return round(found.timestamp() * 1000)
