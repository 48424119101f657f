"""A run on the terminal: a few lines redrawn in place, or plain lines where there is no terminal."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Protocol, TextIO

from streamwatchd.demo.follow import Outputs
from streamwatchd.demo.verdict import SEVERITIES, Finding, Verdict, at_ms

Document = Mapping[str, Any]

SHOWN_ALARMS = 8
WIDTH = 100
PLAIN_EVERY_SECONDS = 10.0
REDRAW_SECONDS = 0.2

_COLOURS = {
    "critical": "1;31",
    "major": "31",
    "minor": "33",
    "warning": "33",
    "info": "36",
    "good": "32",
    "dim": "2",
    "bold": "1",
}


@dataclass(frozen=True, slots=True)
class Progress:
    """Where the film is: `event_ms` is what has been sent, `sent` of `total` records, `seconds` of wall time."""

    event_ms: int
    share: float
    sent: int
    total: int
    seconds: float


class Show(Protocol):
    def say(self, line: str) -> None:
        """A line that stays."""

    def update(self, progress: Progress, outputs: Outputs, fresh: Sequence[Document]) -> None: ...

    def end(self) -> None:
        """The film is over; what follows is said."""


@dataclass(frozen=True, slots=True)
class Ink:
    """Colour, or none of it."""

    on: bool

    def __call__(self, style: str, text: str) -> str:
        return f"\x1b[{_COLOURS[style]}m{text}\x1b[0m" if self.on else text


def open_show(stream: TextIO) -> Show:
    if stream.isatty() and os.environ.get("TERM") != "dumb":
        return Screen(stream, Ink("NO_COLOR" not in os.environ))
    return Lines(stream)


class Lines:
    """One line for each thing that happens to an alarm, and every 10 s one on how far things are."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream
        self._said_at = -PLAIN_EVERY_SECONDS

    def say(self, line: str) -> None:
        print(line, file=self._stream, flush=True)

    def update(self, progress: Progress, outputs: Outputs, fresh: Sequence[Document]) -> None:
        for alert in filter(_has_fired, fresh):
            self.say(alarm_line(alert, Ink(False)))
        if progress.seconds - self._said_at >= PLAIN_EVERY_SECONDS:
            self._said_at = progress.seconds
            for line in (progress_line(progress, outputs, Ink(False)), *kpi_lines(outputs, Ink(False))):
                self.say(line)

    def end(self) -> None:
        pass


class Screen:
    """Redraws its lines in place; what is said goes above them."""

    def __init__(self, stream: TextIO, ink: Ink) -> None:
        self._stream = stream
        self._ink = ink
        self._drawn = 0
        self._drawn_at = -1.0

    def say(self, line: str) -> None:
        self._erase()
        print(line, file=self._stream, flush=True)

    def update(self, progress: Progress, outputs: Outputs, fresh: Sequence[Document]) -> None:
        if progress.seconds - self._drawn_at < REDRAW_SECONDS:
            return
        lines = frame(progress, outputs, self._ink)
        self._erase()
        self._drawn_at = progress.seconds
        columns = shutil.get_terminal_size((WIDTH, 40)).columns
        self._stream.write("".join(f"{clip(line, columns - 1)}\n" for line in lines))
        self._stream.flush()
        self._drawn = len(lines)

    def end(self) -> None:
        self._drawn = 0

    def _erase(self) -> None:
        if self._drawn:
            self._stream.write(f"\x1b[{self._drawn}F\x1b[J")
            self._drawn = 0


def frame(progress: Progress, outputs: Outputs, ink: Ink) -> list[str]:
    """The whole picture: progress, the alarms of most concern, three lines of KPIs."""
    alarms = sorted(filter(_has_fired, outputs.alarms.values()), key=_concern, reverse=True)
    firing = sum(alarm["state"] == "firing" for alarm in alarms)
    shown = [alarm_line(alarm, ink) for alarm in alarms[:SHOWN_ALARMS]]
    rest = [""] * (SHOWN_ALARMS - len(shown))
    title = ink("bold", f"alarms  {firing} firing, {len(alarms) - firing} resolved")
    return ["", progress_line(progress, outputs, ink), "", title, *shown, *rest, "", *kpi_lines(outputs, ink)]


def _has_fired(alert: Document) -> bool:
    """Not for one that waits for its `for` to pass, or did so in vain."""
    return alert["state"] != "pending" and alert.get("reason") != "not_held"


def _concern(alarm: Document) -> tuple[bool, int, str]:
    firing = alarm["state"] == "firing"
    return firing, SEVERITIES.index(alarm["severity"]) if firing else 0, str(alarm["at"])


def progress_line(progress: Progress, outputs: Outputs, ink: Ink) -> str:
    width = 24
    done = round(width * progress.share)
    bar = ink("good", "━" * done) + ink("dim", "╌" * (width - done))
    rate = progress.sent / progress.seconds if progress.seconds else 0
    return (
        f"{clock(progress.event_ms)}  {bar} {progress.share:4.0%}  {progress.sent:,} of {progress.total:,} events, "
        f"{rate:,.0f}/s  late {outputs.late()}  dead letters {outputs.dead_letters()}"
    )


def alarm_line(alert: Document, ink: Ink) -> str:
    """When (event time), how bad, which rule, on what, in its own words."""
    firing = alert["state"] == "firing"
    word = alert["severity"] if firing else alert["state"]
    mark = ink(alert["severity"], f"● {word:<9}") if firing else ink("good", f"○ {word:<9}")
    event = f" [{alert['event']}]" if alert["event"] not in ("fired", "resolved") else ""
    return f"{clock(at_ms(alert['at']))}  {mark} {alert['rule']:<16} {_key(alert):<18} {_words(alert)}{event}"


def _key(document: Document) -> str:
    return " ".join(map(str, document["key"].values()))


def _words(alert: Document) -> str:
    """The message, or without one the values."""
    if alert.get("message"):
        return str(alert["message"])
    return ", ".join(f"{name} {_short(value)}" for name, value in alert.get("values", {}).items())


def _short(value: object) -> str:
    match value:
        case None:
            return "unknown"
        case float():
            return f"{value:.4g}"
        case _:
            return str(value)


def kpi_lines(outputs: Outputs, ink: Ink) -> list[str]:
    """The newest minute: response time by region, the busiest services, the least healthy servers."""
    regions = outputs.newest("api_response_time")
    services = sorted(outputs.newest("transactions").items(), key=_total, reverse=True)[:3]
    scores = {name: row["values"]["score"] for name, row in outputs.newest("health").items()}
    lowest = sorted((score, name) for name, score in scores.items() if score is not None)[:4]
    return [
        ink("bold", f"KPIs    {len(outputs.kpis):,} rows; the newest minute:"),
        _kpi("response time", (f"{name} {_ms(row)}" for name, row in sorted(regions.items()))),
        _kpi(
            "transactions",
            (f"{name} {row['values']['total']:.0f}/min, {_percent(row)} failed" for name, row in services),
        ),
        _kpi("least healthy", (f"{name} {score:.0f}" for score, name in lowest)),
    ]


def _kpi(name: str, cells: Iterable[str]) -> str:
    return f"  {name:<15}" + "   ".join(cells)


def _total(item: tuple[str, Document]) -> float:
    return float(item[1]["values"]["total"])


def _ms(row: Document) -> str:
    return f"{row['values']['avg_latency']:.0f} ms"


def _percent(row: Document) -> str:
    return f"{row['values']['error_rate']:.1%}"


def clock(event_ms: int) -> str:
    return f"{datetime.fromtimestamp(event_ms / 1000, UTC):%H:%M:%S}"


def clip(line: str, columns: int) -> str:
    """The first `columns` characters that show; colours take none and are closed again."""
    shown, at = 0, 0
    while at < len(line) and shown < columns:
        if line[at] == "\x1b":
            at = line.index("m", at) + 1
        else:
            at, shown = at + 1, shown + 1
    return line if at == len(line) else line[:at] + ("\x1b[0m" if "\x1b" in line else "")


def summary(verdict: Verdict, counts: Iterable[tuple[str, str]], ink: Ink) -> list[str]:
    """The tables at the end: what had to be found, what had to be left alone, what nobody asked for, and the counts."""
    quiet = [finding for finding in verdict.findings if finding.incident.outcome == "quiet"]
    found = [finding for finding in verdict.findings if finding.incident.outcome != "quiet"]
    strays = [f"{ink('critical', '✗')} {alarm_line(stray, ink)}" for stray in verdict.strays]
    return [
        *_table("incidents in the traffic", "found as", "after", found, ink),
        *_table("near misses", "", "", quiet, ink),
        *(["", ink("bold", "alarms that the script does not know"), *strays] if strays else []),
        "",
        *(f"{name:<16}{text}" for name, text in counts),
        "",
        _conclusion(verdict, len(found), len(quiet), ink),
    ]


def _table(title: str, outcome: str, after: str, findings: Iterable[Finding], ink: Ink) -> list[str]:
    lines = ["", ink("bold", f"{title:<62} {'rule':<21} {outcome:<24}{after}".rstrip())]
    for finding in findings:
        mark = ink("good", "✓") if finding.good else ink("critical", "✗")
        delay = "" if finding.after_ms is None else span(finding.after_ms)
        name, rule = finding.incident.name, finding.incident.rule
        lines.append(f"{mark} {name:<60} {rule:<21} {finding.said:<24}{delay}".rstrip())
    return lines


def _conclusion(verdict: Verdict, found: int, quiet: int, ink: Ink) -> str:
    if verdict.good:
        return ink("good", f"all {found} incidents found, all {quiet} near misses left alone")
    wrong = sum(not finding.good for finding in verdict.findings) + len(verdict.strays)
    return ink("critical", f"{wrong} wrong answer(s)")


def span(ms: int) -> str:
    minutes, seconds = divmod(round(ms / 1000), 60)
    return f"{minutes}m {seconds:02}s" if minutes else f"{seconds}s"
