"""What a newcomer sees, with a terminal and without."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import pytest

from streamwatchd.demo import show
from streamwatchd.demo.incidents import Incident
from streamwatchd.demo.show import Ink, Lines, Progress, Screen
from streamwatchd.demo.verdict import Finding, Verdict

PLAIN = Ink(False)
PROGRESS = Progress(1_767_571_500_000, 0.5, 1_000, 2_000, 10.0)


class Seen:
    """Outputs as they stand in a test."""

    def __init__(self, *alarms: dict[str, Any], **newest: dict[str, dict[str, Any]]) -> None:
        self.alarms = {alarm["id"]: alarm for alarm in alarms}
        self.kpis = {("k", "", ""): {}}
        self._newest = newest

    def newest(self, kpi: str) -> dict[str, Any]:
        return {key: {"values": values} for key, values in self._newest.get(kpi, {}).items()}

    def late(self) -> int:
        return 3

    def dead_letters(self) -> int:
        return 4


def alarm(
    ident: str, severity: str = "critical", state: str = "firing", event: str = "fired", **rest: Any
) -> dict[str, Any]:
    document = {"id": ident, "rule": "cpu_high", "key": {"host": ident}, "severity": severity, "state": state}
    return {**document, "event": event, "at": "2026-01-05T00:05:00.000Z", "values": {"cpu5": 97.25}, **rest}


def test_the_worst_stands_first_and_the_resolved_last() -> None:
    """Pending ones, and those that never held, are not shown."""
    outputs = Seen(
        alarm("d", state="resolved", event="resolved"),
        alarm("b", "warning"),
        alarm("a"),
        alarm("p", state="pending"),
        alarm("n", state="resolved", event="resolved", reason="not_held"),
    )
    lines = show.frame(PROGRESS, outputs, PLAIN)  # type: ignore[arg-type]
    named = [line.split()[4] for line in lines if "cpu_high" in line]
    assert named == ["a", "b", "d"]
    assert any("2 firing, 1 resolved" in line for line in lines)


def test_the_picture_keeps_its_height() -> None:
    """However many alarms there are, the terminal does not scroll."""
    few = show.frame(PROGRESS, Seen(), PLAIN)  # type: ignore[arg-type]
    many = show.frame(PROGRESS, Seen(*(alarm(str(number)) for number in range(99))), PLAIN)  # type: ignore[arg-type]
    assert len(few) == len(many) < 24


def test_an_alarm_speaks_by_its_message_or_else_by_its_values() -> None:
    """And says which event it is, unless it simply began or ended."""
    assert show.alarm_line(alarm("a", message="CPU 97% on a"), PLAIN).endswith("CPU 97% on a")
    assert show.alarm_line(alarm("a"), PLAIN).endswith("cpu5 97.25")
    assert show.alarm_line(alarm("a", event="escalated"), PLAIN).endswith("[escalated]")
    assert show.alarm_line(alarm("a"), PLAIN).startswith("00:05:00")


def test_kpis_are_named_with_their_units() -> None:
    """A line each for regions, services and servers; rows with null do no harm."""
    outputs = Seen(
        api_response_time={"west": {"avg_latency": 582.4}},
        transactions={"voice": {"total": 20.0, "error_rate": 0.0}, "checkout": {"total": 200.0, "error_rate": 0.14}},
        health={"a": {"score": None}, "b": {"score": 12.7}},
    )
    text = "\n".join(show.kpi_lines(outputs, PLAIN))  # type: ignore[arg-type]
    assert "west 582 ms" in text
    assert text.index("checkout 200/min, 14.0% failed") < text.index("voice 20/min")
    assert text.endswith("b 13")


def test_without_a_terminal_there_are_plain_lines_only() -> None:
    """No escape sequence ever, alarms as they come, progress now and then."""
    stream = io.StringIO()
    lines = Lines(stream)
    for seconds in (0.2, 5.0, 12.0):
        progress = Progress(1_767_571_500_000, 0.5, 1_000, 2_000, seconds)
        vain = alarm("n", event="resolved", state="resolved", reason="not_held")
        lines.update(progress, Seen(), [alarm("a"), alarm("p", event="pending", state="pending"), vain])  # type: ignore[arg-type]
    lines.end()
    written = stream.getvalue()
    assert "\x1b" not in written
    assert written.count("cpu_high") == 3
    assert written.count("of 2,000 events") == 2
    assert written.count("response time") == 2


def test_a_screen_erases_what_it_drew_and_keeps_what_was_said() -> None:
    """Not more often than the eye can follow; the last picture stays when the film is over."""
    stream = io.StringIO()
    screen = Screen(stream, PLAIN)
    screen.update(PROGRESS, Seen(), [])  # type: ignore[arg-type]
    height = stream.getvalue().count("\n")
    screen.update(PROGRESS, Seen(), [])  # type: ignore[arg-type]
    screen.update(replace(PROGRESS, seconds=10.3), Seen(), [])  # type: ignore[arg-type]
    screen.end()
    screen.say("over")
    assert stream.getvalue().count(f"\x1b[{height}F\x1b[J") == 1
    assert stream.getvalue().endswith("over\n")


@pytest.mark.parametrize(
    ("line", "columns", "clipped"),
    [
        ("short", 9, "short"),
        ("too long", 3, "too"),
        ("\x1b[1mbold\x1b[0m", 4, "\x1b[1mbold\x1b[0m"),
        ("\x1b[1mbold\x1b[0m", 2, "\x1b[1mbo\x1b[0m"),
    ],
)
def test_lines_are_clipped_to_the_terminal(line: str, columns: int, clipped: str) -> None:
    """Colours take no room and never run on."""
    shown = show.clip(line, columns)
    assert shown.replace("\x1b[0m", "") == clipped.replace("\x1b[0m", "")
    assert shown.endswith("\x1b[0m") == ("\x1b" in line)


def test_a_stream_that_is_no_terminal_gets_lines() -> None:
    """A file, a pipe, CI."""
    assert isinstance(show.open_show(io.StringIO()), Lines)


def test_the_summary_names_what_failed() -> None:
    """Misses, false alarms and strays stand out; the counts follow."""
    good = Finding(Incident("hot", "cpu_high", {}, 0, 1), True, "critical", 230_000)
    bad = Finding(Incident("quiet one", "cpu_high", {}, 0, 1, "quiet"), False, "FALSE ALARM", 5_000)
    text = "\n".join(show.summary(Verdict((good, bad), (alarm("z"),)), [("KPI rows", "12")], PLAIN))
    assert "✓ hot" in text
    assert "3m 50s" in text
    assert "✗ quiet one" in text
    assert "✗ 00:05:00" in text
    assert "KPI rows" in text
    assert text.endswith("2 wrong answer(s)")


def test_the_summary_says_when_all_is_well() -> None:
    """In its last line."""
    found = Finding(Incident("hot", "cpu_high", {}, 0, 1), True, "critical", 1_000)
    quiet = Finding(Incident("near", "cpu_high", {}, 0, 1, "quiet"), True, "quiet")
    lines = show.summary(Verdict((found, quiet), ()), [], PLAIN)
    assert lines[-1] == "all 1 incidents found, all 1 near misses left alone"
