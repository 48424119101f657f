"""The traffic as shipped, generated once, and what a perfect reader takes in of it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from streamwatchd.demo.incidents import PAST_SECONDS
from streamwatchd.demo.traffic import Nature, Shape, Traffic, generate

START_MS = 1_767_571_200_000

Events = dict[str, list[tuple[int, dict[str, Any]]]]


@pytest.fixture(scope="session")
def traffic() -> Traffic:
    return generate(Shape(START_MS, past_seconds=PAST_SECONDS))


@pytest.fixture(scope="session")
def events(traffic: Traffic) -> Events:
    """Per source that rules 1 to 12 read, in order of event time: (ms since the start, the record).

    Those before the start are `past`.
    """
    taken: Events = {}
    named = [(records.kind.name, records) for records in traffic.sources]
    for name, records in [*named, *(("past", records) for records in traffic.past)]:
        if name != "users":
            good = [row for row in range(len(records)) if records.natures[row] == Nature.EVENT]
            good.sort(key=lambda row: records.event_ms[row])
            taken[name] = [(int(records.event_ms[row]) - START_MS, json.loads(records.payloads[row])) for row in good]
    return taken
