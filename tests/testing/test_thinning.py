"""Recordings that may be given away."""

from __future__ import annotations

import json

from streamwatchd.batch import RawBatch
from streamwatchd.testing.thinning import HIDDEN, Thinning


def batch(*payloads: bytes | None, keys: list[bytes | None] | None = None) -> RawBatch:
    return RawBatch("t", 0, list(payloads), range(len(payloads)), [0] * len(payloads), keys)


def test_a_share_of_the_keys_is_kept_whole() -> None:
    """All records of a key or none, the same ones each time; offsets and timestamps go along."""
    keys: list[bytes | None] = [f"k{n % 200}".encode() for n in range(1_000)]
    given = batch(*[b"{}"] * 1_000, keys=keys)
    kept = Thinning(share=0.3).thinned(given)
    again = Thinning(share=0.3, salt=b"other").thinned(given)
    assert list(kept.offsets) == list(again.offsets)
    assert kept.keys is not None
    found = set(kept.keys)
    assert 30 <= len(found) <= 90
    assert len(kept) == 5 * len(found)
    assert all(keys[offset] == key for offset, key in zip(kept.offsets, kept.keys, strict=True))


def test_records_without_a_key_are_chosen_by_themselves() -> None:
    """And all are kept where no share is asked for."""
    payloads = [json.dumps({"n": n}).encode() for n in range(500)]
    assert 100 <= len(Thinning(share=0.4).thinned(batch(*payloads))) <= 300
    assert Thinning().thinned(batch(*payloads)).payloads == payloads


def test_hidden_texts_are_pseudonyms() -> None:
    """Equal ones stay equal in one recording, and differ in another; other values become null, other fields stay."""
    events = [{"user": "ann", "x": 1}, {"user": "bob", "x": 2}, {"user": "ann", "x": 3}, {"user": 7}, {"x": 4}]
    given = batch(*(json.dumps(event).encode() for event in events), keys=[b"ann", b"bob", b"ann", None, None])
    hidden = Thinning(hidden=["user"], salt=b"s").thinned(given)
    found = [json.loads(payload or b"") for payload in hidden.payloads]
    assert found[0]["user"] == found[2]["user"] != found[1]["user"]
    assert found[3:] == [{"user": None}, {"x": 4}]
    assert [each.get("x") for each in found] == [1, 2, 3, None, 4]
    assert b"ann" not in b"".join(payload or b"" for payload in hidden.payloads)
    assert hidden.keys is not None
    assert hidden.keys[0] == hidden.keys[2] != b"ann"
    other = Thinning(hidden=["user"], salt=b"t").thinned(given)
    assert json.loads(other.payloads[0] or b"")["user"] != found[0]["user"]


def test_what_is_no_object_is_hidden_whole() -> None:
    """It may hold anything; a tombstone holds nothing."""
    hidden = Thinning(hidden=["user"]).thinned(batch(b"user=ann", b"[1]", b"\xff", None))
    assert hidden.payloads == [HIDDEN, HIDDEN, HIDDEN, None]
