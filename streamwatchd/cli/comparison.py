"""What an edit does to the alerts of recorded traffic: in text, as JSON, and as a comment for a pull request."""

from __future__ import annotations

import json
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field

import click
import msgspec

from streamwatchd.cli.project import plural
from streamwatchd.lang.units import format_duration
from streamwatchd.operators.document import iso
from streamwatchd.rules.ruleset import Alarm, RuleSet
from streamwatchd.shard.output import Output, Sink
from streamwatchd.testing.episodes import Difference, Episode, Episodes, What, differences

_LISTED = 20
_COLOURS = {What.ADDED: "red", What.REMOVED: "green", What.MOVED: "yellow"}
_SIGNS = {What.ADDED: "+", What.REMOVED: "-", What.MOVED: "~"}

_encode = msgspec.json.Encoder(order="deterministic").encode


@dataclass(slots=True)
class Heard:
    """What one run said: episodes, and KPI rows by (KPI, key, window), each as a hash of its values."""

    episodes: Episodes
    rows: dict[tuple[str, bytes], int] = field(default_factory=dict)

    def take(self, outputs: Iterable[Output]) -> None:
        for output in outputs:
            value = output.value
            if output.sink is Sink.ALERTS and isinstance(value, dict):
                self.episodes.add(value)
            elif output.sink is Sink.KPIS and isinstance(value, dict):
                place = _encode([value["key"], value["window"]])
                self.rows[str(value["kpi"]), place] = hash(_encode(value["values"]))


def endless(rules: RuleSet) -> frozenset[str]:
    """Rules whose alerts are occurrences."""
    return frozenset(rule.name for rule in rules.rules if isinstance(rule, Alarm) and rule.is_endless)


def heard(rules: RuleSet, names: Mapping[str, str] | None = None) -> Heard:
    """Nothing yet, of a run of `rules`."""
    return Heard(Episodes(endless(rules), names))


@dataclass(frozen=True, slots=True)
class Line:
    """One rule and owner: episodes and minutes firing before and after, and how many differ."""

    rule: str
    owner: str
    before: int
    after: int
    added: int
    removed: int
    moved: int
    minutes_before: float
    minutes_after: float


@dataclass(frozen=True, slots=True)
class KpiLine:
    """Rows of a KPI that only one run has, or that have other values."""

    kpi: str
    added: int
    removed: int
    changed: int


@dataclass(frozen=True, slots=True)
class Comparison:
    """`lines` are of rules that fired in either run, `changes` what differs, by rule, key and time."""

    recording: str
    against: str
    events: int
    until_ms: int
    lines: tuple[Line, ...]
    kpis: tuple[KpiLine, ...]
    changes: tuple[Difference, ...]

    def count(self, what: What) -> int:
        """Of alarms that somebody is told of."""
        return sum(each.what is what and not each.episode.muted for each in self.changes)


def compared(recording: str, against: str, events: int, until_ms: int, before: Heard, after: Heard) -> Comparison:
    """The two runs side by side; `until_ms` is how far event time came."""
    old, new = before.episodes.all(), after.episodes.all()
    changes = tuple(differences(old, new))
    lines = tuple(_lines(old, new, changes, until_ms))
    return Comparison(recording, against, events, until_ms, lines, tuple(_kpis(before.rows, after.rows)), changes)


def _lines(
    before: list[Episode], after: list[Episode], changes: tuple[Difference, ...], until_ms: int
) -> Iterator[Line]:
    sides = [_grouped(before), _grouped(after)]
    counts = Counter((each.episode.rule, each.episode.owner, each.what) for each in changes)
    for rule, owner in sorted({*sides[0], *sides[1]}):
        old, new = (side.get((rule, owner), []) for side in sides)
        yield Line(
            rule,
            owner,
            len(old),
            len(new),
            *(counts[rule, owner, what] for what in What),
            *(round(sum(each.minutes(until_ms) for each in side), 2) for side in (old, new)),
        )


def _grouped(episodes: Iterable[Episode]) -> dict[tuple[str, str], list[Episode]]:
    found: dict[tuple[str, str], list[Episode]] = defaultdict(list)
    for each in episodes:
        found[each.rule, each.owner].append(each)
    return found


def _kpis(before: Mapping[tuple[str, bytes], int], after: Mapping[tuple[str, bytes], int]) -> Iterator[KpiLine]:
    counts = {
        "added": Counter(kpi for kpi, place in after if (kpi, place) not in before),
        "removed": Counter(kpi for kpi, place in before if (kpi, place) not in after),
        "changed": Counter(each[0] for each, values in after.items() if before.get(each, values) != values),
    }
    for kpi in sorted(set().union(*counts.values())):
        yield KpiLine(kpi, *(counts[what][kpi] for what in ("added", "removed", "changed")))


# what it says


def as_json(found: Comparison) -> str:
    document = asdict(found) | {"until": iso(found.until_ms)}
    del document["until_ms"]
    document["changes"] = [
        {
            "what": each.what,
            "rule": each.episode.rule,
            "key": each.episode.key,
            "owner": each.episode.owner,
            "before": _episode_json(each.before),
            "after": _episode_json(each.after),
        }
        for each in found.changes
    ]
    return json.dumps(document, indent=2, ensure_ascii=False)


def _episode_json(episode: Episode | None) -> dict[str, object] | None:
    if episode is None:
        return None
    end = None if episode.end_ms is None else iso(episode.end_ms)
    return {"start": iso(episode.start_ms), "end": end, "severity": episode.severity, "muted": episode.muted}


def as_text(found: Comparison) -> Iterator[str]:
    yield f"{found.recording}: {plural(found.events, 'event')}, with {found.against} and with the files as they are"
    yield from _table(found)
    for each in found.kpis:
        yield f"KPI {each.kpi}: {_rows(each)}"
    if found.changes:
        yield ""
    for change in found.changes[:_LISTED]:
        word = click.style(f"{change.what:<8}", fg=_COLOURS[change.what], bold=True)
        yield f"{word} {_told(change)}"
    if len(found.changes) > _LISTED:
        yield f"and {len(found.changes) - _LISTED:,} more (--output json has them all)"
    yield verdict(found)


def _table(found: Comparison) -> Iterator[str]:
    if not found.lines:
        yield "no rule fires in either"
        return
    cells = [("rule", "owner", "alerts", "added", "removed", "moved", "minutes firing")]
    cells += [
        (
            line.rule,
            line.owner or "-",
            _step(f"{line.before:,}", f"{line.after:,}"),
            f"{line.added:,}",
            f"{line.removed:,}",
            f"{line.moved:,}",
            _step(f"{line.minutes_before:,.1f}", f"{line.minutes_after:,.1f}"),
        )
        for line in found.lines
    ]
    widths = [max(map(len, column)) for column in zip(*cells, strict=True)]
    for row in cells:
        yield "  ".join(f"{text:<{width}}" for text, width in zip(row, widths, strict=True)).rstrip()


def _rows(each: KpiLine) -> str:
    return f"rows {each.added:,} added, {each.removed:,} removed, {each.changed:,} with other values"


def _step(before: str, after: str) -> str:
    return before if before == after else f"{before} → {after}"


def _told(change: Difference) -> str:
    episode = change.episode
    key = f" {episode.key}" if episode.key else ""
    muted = ", muted" if episode.muted else ""
    if change.what is not What.MOVED or change.before is None or change.after is None:
        return f"{episode.rule}{key}: {episode.severity}, {_span(episode)}{muted}"
    old, new = change.before, change.after
    severity = _step(old.severity, new.severity)
    return f"{episode.rule}{key}: {severity}, {_step(_span(old), _span(new))}{muted}"


def _span(episode: Episode) -> str:
    if episode.end_ms is None:
        return f"since {iso(episode.start_ms)}"
    if episode.end_ms == episode.start_ms:
        return f"at {iso(episode.start_ms)}"
    return f"{iso(episode.start_ms)} for {format_duration(episode.end_ms - episode.start_ms)}"


def verdict(found: Comparison) -> str:
    counts = {what: sum(each.what is what for each in found.changes) for what in What}
    if not found.changes and not found.kpis:
        return "nothing changes"
    muted = sum(each.episode.muted for each in found.changes)
    more = f" ({muted:,} of them muted)" if muted else ""
    return "alerts " + ", ".join(f"{count:,} {what}" for what, count in counts.items()) + more


def as_markdown(found: Comparison) -> Iterator[str]:
    """For a comment: the verdict, a table, and the changes folded away."""
    yield f"### What this edit does to alerts: {verdict(found).removeprefix('alerts ')}"
    yield ""
    events = plural(found.events, "event")
    yield f"{events} of `{found.recording}`, up to {iso(found.until_ms)}, against `{found.against}`."
    yield ""
    if found.lines:
        yield "| rule | owner | alerts | added | removed | moved | minutes firing |"
        yield "|---|---|---|---|---|---|---|"
    for line in found.lines:
        alerts = _step(f"{line.before:,}", f"{line.after:,}")
        minutes = _step(f"{line.minutes_before:,.1f}", f"{line.minutes_after:,.1f}")
        owner = _cell(line.owner or "-")
        yield f"| `{line.rule}` | {owner} | {alerts} | {line.added:,} | {line.removed:,} | {line.moved:,} | {minutes} |"
    for each in found.kpis:
        yield ""
        yield f"KPI `{each.kpi}`: {_rows(each)}."
    if not found.changes:
        return
    yield ""
    yield f"<details><summary>{plural(len(found.changes), 'change')}</summary>"
    yield ""
    yield "```diff"
    for change in found.changes[: 5 * _LISTED]:
        yield f"{_SIGNS[change.what]} {_told(change)}"
    yield "```"
    if len(found.changes) > 5 * _LISTED:
        yield f"and {len(found.changes) - 5 * _LISTED:,} more"
    yield "</details>"


def _cell(text: str) -> str:
    return text.replace("|", "\\|")
