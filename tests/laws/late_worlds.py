"""Random projects in which every rule says `late: amend`, and a third of the events come late."""

from __future__ import annotations

import random

from tests.oracle.random_pauses import pausing
from tests.oracle.random_records import draw_calendar, draw_log
from tests.oracle.random_rules import TABLE, Draw, World, draw_source, kpi_rule, source_stream, windowed_alarm
from tests.oracle.reading import LogItem


def late_world(seed: int, rules: int = 3, records: int = 50, paused: float = 0.5) -> World:
    """`paused` is the share of alarms with `pause`; with 1 there are alarms only."""
    rng = random.Random(seed)
    unit = rng.choice((1_000, 60_000))
    draw = Draw(rng, unit)
    delay = draw.one(0, unit // 2, unit)
    source = draw_source(draw, "alpha", delay)
    files: dict[str, str] = {}
    while len(files) < rules:
        name = f"r{len(files)}"
        stream = source_stream("alpha")
        kpis = 0.5 if paused < 1 else 0
        text = kpi_rule(draw, name, stream)[0] if draw.maybe(kpis) else windowed_alarm(draw, name, stream)
        if "session" not in text and "last(n where" not in text and "first(n" not in text:
            text = pausing(text, paused)
            lines = [line for line in text.splitlines() if "late: amend" not in line and "amend_for" not in line]
            files[name] = "\n".join([*lines, "    late: amend", f"    amend_for: {draw.span(5, 12, 40, 90)}", ""])
    count = draw.one(1, 2, 3)
    keyed = "key: host" in source
    logs: dict[tuple[str, int], list[LogItem]] = {
        ("alpha", partition): draw_log(rng, unit, delay, records, partition, count, keyed, late=0.3)
        for partition in range(count)
    }
    calendars = {"works": draw_calendar(random.Random(seed), unit)}
    shards = draw.one(1, 2, 3)
    return World(source, files, {"devices": TABLE}, {"alpha": count}, {"alpha": delay}, logs, shards, calendars)
