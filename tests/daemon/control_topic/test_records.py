"""Records of the control topic: what is one, and what is said of what is none."""

from __future__ import annotations

import json
from typing import Any

import pytest

from streamwatchd.daemon.control_topic.records import Silence, decode, kind_of, schema
from streamwatchd.errors import BadRecord

SILENCE: dict[str, Any] = {"kind": "silence", "id": "c1", "rules": ["hot"], "for": "2h", "reason": "works", "by": "ann"}


@pytest.mark.parametrize(
    "given",
    [
        SILENCE,
        {"kind": "end_silence", "id": "c2", "silence": "c1"},
        {"kind": "ack", "id": "c3", "rule": "hot", "by": "ann", "keys": {"host": "a", "port": 5}},
        {"kind": "disposition", "id": "c4", "rule": "hot", "verdict": "confirmed", "by": "ann", "alarm": "0a"},
    ],
)
def test_each_kind_is_read_and_stands_in_the_schema(given: dict[str, Any]) -> None:
    """By its tag, which is what the sender writes."""
    assert kind_of(decode(json.dumps(given).encode())) == given["kind"]
    assert given["kind"] in schema()["discriminator"]["mapping"]


def test_words_of_python_are_not_the_senders() -> None:
    """`from` and `for` are written as they are."""
    said = decode(json.dumps({**SILENCE, "from": "2026-01-05T00:00:00Z"}).encode())
    assert isinstance(said, Silence)
    assert (said.from_, said.for_) == ("2026-01-05T00:00:00Z", "2h")


@pytest.mark.parametrize(
    ("given", "why"),
    [
        (None, "no value"),
        (b"{", "truncated"),
        (b"\xff", "schemas/control.json"),
        (b"[" * 5_000, "schemas/control.json"),
        ({**SILENCE, "kind": "mute"}, "'mute'"),
        ({**SILENCE, "rule": "hot"}, "unknown field `rule`"),
        ({**SILENCE, "id": ""}, r"\$\.id"),
        ({**SILENCE, "until": "2026-01-05T02:00:00Z"}, "either `until` or `for`"),
        ({**SILENCE, "for": ""}, "either `until` or `for`"),
        ({**SILENCE, "for": "soon"}, "a duration such as 2h"),
        ({"kind": "disposition", "id": "1", "rule": "hot", "verdict": "meh", "by": "ann"}, "'meh'"),
    ],
)
def test_what_is_no_record_is_told(given: bytes | dict[str, Any] | None, why: str) -> None:
    with pytest.raises(BadRecord, match=why):
        decode(json.dumps(given).encode() if isinstance(given, dict) else given)
