"""What the running daemon says of a rule and a key, for people."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from streamwatchd.cli.control import span
from streamwatchd.cli.picture import branch, heading, hold, section, shown
from streamwatchd.cli.score import score_lines
from streamwatchd.lang.units import format_duration
from streamwatchd.operators.document import iso

Answer = Mapping[str, Any]


def live(result: Answer) -> Iterator[str]:
    """The lines of `swctl explain RULE --key …`."""
    key = ", ".join(f"{name}={value}" for name, value in result["key"].items())
    for answer in result["answers"]:
        at_ms = answer.get("judged_at_ms") or answer["watermark_ms"] or result["at_ms"]
        yield heading(answer["kind"], result["rule"], key, at_ms)
        yield from section("state", _state(answer))
        if answer.get("score"):
            yield from section("score", score_lines(answer["score"]))
        yield from section("values", (_line(each) for each in answer.get("values", ())))
        for level in answer["levels"]:
            yield from _level(level, at_ms)
        yield from section("steps", _steps(answer))
        yield from section("note", [answer["note"]] if answer.get("note") else [])
        yield from section("pause", [f"not judged while {answer['pause']}"] if answer.get("pause") else [])
        yield from section("unless", _muting(answer))
        yield from section("context", _context(answer))
        yield from section("tables", map(_table, answer["tables"]))
        yield from section("judged", _judged(answer, result["at_ms"]))
    yield from section("late", _late(result["late"]))
    yield from section("watermark", _holding(result))
    yield from section("missing", result["problems"])


def _state(answer: Answer) -> Iterator[str]:
    standing = answer["standing"]
    if answer["kind"] == "kpi":
        window = answer.get("window")
        yield f"the window {iso(window[0])} to {iso(window[1])}" if window else "no window yet"
    elif standing is None:
        yield "at rest"
    else:
        severity = f" as {standing['severity']}" if standing["severity"] else ""
        silent = ", as nothing is heard of the key" if standing["no_data"] else ""
        yield f"{standing['state']}{severity} since {iso(standing['starts_at_ms'])}, id {standing['id']}{silent}"
    if answer.get("silent"):
        yield "silent: no event of the key for as long as `no_data` waits"
    if "known_since_ms" in answer:
        since = answer["known_since_ms"]
        yield (
            f"the key is known since {iso(since)}"
            if since is not None
            else "the key is not known now: nothing is judged"
        )
    if answer.get("last_event_ms"):
        yield f"its last event is of {iso(answer['last_event_ms'])}"


def _line(each: Answer) -> str:
    return branch(each["depth"], each["text"], shown(each["value"], each["unit"]) if "value" in each else "")


def _level(level: Answer, at_ms: int) -> Iterator[str]:
    yield from section(level["severity"], [*map(_line, level["when"]), *_warming(level.get("warming_until_ms"))])
    yield from section("", _hold(level["hold"], False, at_ms))
    if level["up"]:
        yield from section("", ["this level is up"])
    if level["until"] is not None:
        warming = _warming(level.get("until_warming_until_ms"))
        yield from section("  until", [*map(_line, level["until"]), *warming])
    yield from section("", _hold(level["hold"], True, at_ms))


def _warming(until_ms: int | None) -> list[str]:
    if until_ms is None:
        return []
    return [f"null for the rule until {iso(until_ms)}: the window is warming (`partial`, `min_history`)"]


def _hold(found: Answer | None, clears: bool, at_ms: int) -> Iterator[str]:
    if found is not None and found["clears"] == clears:
        yield hold("until … for" if clears else "for", found["since_ms"], found["need_ms"], at_ms)


def _steps(answer: Answer) -> Iterator[str]:
    for number, step in enumerate(answer.get("steps", ()), 1):
        met = ", ".join(map(iso, step["met_ms"]))
        yield branch(0, f"{number}. {step['text']}", f"met at {met}" if met else "not met by an event that is left")
    if answer.get("within_ms"):
        yield f"within {format_duration(answer['within_ms'])}"
    never = answer.get("never")
    if never:
        fires = ", ".join(map(iso, never["fires_at_ms"]))
        yield branch(0, f"then not {never['text']}", f"fires at {fires} unless it comes" if fires else "")
    if answer.get("until"):
        yield f"until {answer['until']}"


def _muting(answer: Answer) -> Iterator[str]:
    if answer.get("unless"):
        yield answer["unless"]
    if answer.get("muted_by"):
        told = "somebody was told before" if answer["told"] else "nobody was told"
        yield f"muted by {answer['muted_by']} now" + (f"; {told}" if answer["standing"] else "")
    flapping = answer.get("flapping")
    if flapping:
        yield (
            f"flapping since {iso(flapping['since_ms'])}, {flapping['changes']:,} changes: muted; "
            f"over at {iso(flapping['over_ms'])} if it keeps still"
        )
    if answer.get("acknowledged"):
        yield "acknowledged"


def _context(answer: Answer) -> Iterator[str]:
    if answer.get("context"):
        yield ", ".join(f"{name}={'null' if value is None else value}" for name, value in answer["context"].items())


def _table(table: Answer) -> str:
    since = f", in force since {iso(table['since_ms'])}" if table["since_ms"] is not None else ""
    return f"{table['table']}: {table['rows']:,} rows, content {table['digest']}{since}"


def _judged(answer: Answer, now_ms: int) -> Iterator[str]:
    task, watermark = answer["task"], answer["watermark_ms"]
    where = f"{task['topic']}[{task['partition']}]"
    if task["stage"] > 1:
        where = f"partition {task['partition']} of the exchange, stage {task['stage']},"
    stands = "no watermark yet"
    if watermark is not None:
        stands = f"watermark {iso(watermark)}, {span(max(0.0, (now_ms - watermark) / 1000))} behind the clock"
    yield f"in {where} on shard {answer['shard']}, {stands}"
    every_ms, judged_ms = answer.get("every_ms"), answer.get("judged_at_ms")
    if every_ms and judged_ms:
        yield f"every {format_duration(every_ms)}, next at {iso(judged_ms + every_ms)} at the earliest"


def _late(late: Answer | None) -> Iterator[str]:
    if late is not None:
        topic, partition, offset = late["place"]
        yield (
            f"{late['events']:,} of those that are remembered, the last at {topic}:{partition}:{offset} "
            f"says {iso(late['time_ms'])}: it entered no window"
        )


def _holding(result: Answer) -> Iterator[str]:
    holding = result["holding"]
    if holding is None:
        yield "all partitions are idle: it goes on with the clock"
    elif holding["watermark"] is not None:
        behind = span(holding["behind_seconds"])
        yield f"held by {holding['topic']}[{holding['partition']}] at {holding['watermark']}, {behind} behind the clock"
    else:
        yield f"held by {holding['topic']}[{holding['partition']}], where no record has come yet"
