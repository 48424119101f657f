"""Poison: every flaw makes a record that no strict reader takes."""

from __future__ import annotations

import json
from datetime import datetime

import numpy as np
import pytest

from streamwatchd.demo.flaws import FLAWS, spoil
from streamwatchd.demo.sources import KINDS, Kind
from streamwatchd.demo.traffic import Nature, Records, Traffic

MAX_FUTURE_MS = 300_000


def problem(kind: Kind, payload: bytes, end_ms: int) -> str:
    """What a strict reader says, or nothing."""
    try:
        document = json.loads(payload, parse_constant=_refuse)
    except ValueError:
        return "not JSON"
    if not isinstance(document, dict):
        return "not an object"
    if isinstance(document.get(kind.number_field, 0), str):
        return "wrong type"
    try:
        return "" if _time_ms(kind, document[kind.time_field]) <= end_ms + MAX_FUTURE_MS else "from the future"
    except (KeyError, ValueError, TypeError):
        return "no time"


def _refuse(constant: str) -> float:
    raise ValueError(constant)


def _time_ms(kind: Kind, stamp: object) -> float:
    if kind.stamp == "iso":
        return 1000 * datetime.fromisoformat(str(stamp)).timestamp()
    return float(str(stamp)) * {"ms": 1, "s": 1000, "us": 0.001}[kind.stamp]


EXPECTED = {
    "cut_off": "not JSON",
    "not_an_object": "not an object",
    "not_utf8": "not JSON",
    "nan": "not JSON",
    "wrong_type": "wrong type",
    "no_time": "no time",
    "bad_time": "no time",
    "far_future": "from the future",
    "two_objects": "not JSON",
}


def good(traffic: Traffic, kind: Kind) -> bytes:
    records = next(records for records in traffic.sources if records.kind is kind)
    return records.payloads[int(np.flatnonzero(records.natures == Nature.EVENT)[0])]


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
@pytest.mark.parametrize("flaw", FLAWS)
def test_flaw_is_the_one_it_says(traffic: Traffic, kind: Kind, flaw: str) -> None:
    """And the record it was made from had none."""
    end_ms = traffic.shape.end_ms
    payload = good(traffic, kind)
    assert problem(kind, payload, end_ms) == ""
    assert problem(kind, spoil(flaw, kind, payload, end_ms), end_ms) == EXPECTED[flaw]


def test_an_unknown_flaw_is_refused() -> None:
    """A slip in the list is not a good record."""
    with pytest.raises(ValueError):
        spoil("sour", KINDS[0], b"{}", 0)


def test_every_source_has_every_flaw(traffic: Traffic) -> None:
    """And only where it says so: all the rest is good, in every source."""
    for records in traffic.sources:
        assert set(records.flaws.values()) == set(FLAWS)
        assert set(records.flaws) == set(np.flatnonzero(records.natures == Nature.FLAWED).tolist())
        assert not problems_of_good_ones(records, traffic.shape.end_ms)


def problems_of_good_ones(records: Records, end_ms: int) -> set[str]:
    rows = [row for row in range(0, len(records), 41) if row not in records.flaws]
    return {problem(records.kind, records.payloads[row], end_ms) for row in rows} - {""}
