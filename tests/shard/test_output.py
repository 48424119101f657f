"""Dead letters in columns are as many outputs."""

from __future__ import annotations

from streamwatchd.shard.output import Letters, Output, Sink

PLACE = (("source", "m"), ("topic", "in"), ("partition", "3"))


def test_packed_letters_are_outputs_one_by_one() -> None:
    """Each with its own offset and reason behind what all have in common; as often as they are asked for."""
    packed = Letters(PLACE, 3, [b"k", None], [None, b"{"], [7, 2**40], ["empty", "bad_json"])
    wanted = [
        Output(Sink.DEAD_LETTERS, b"k", None, (*PLACE, ("offset", "7"), ("reason", "empty")), 3),
        Output(Sink.DEAD_LETTERS, None, b"{", (*PLACE, ("offset", "1099511627776"), ("reason", "bad_json")), 3),
    ]
    assert len(packed) == 2
    assert list(packed.outputs()) == list(packed.outputs()) == wanted
