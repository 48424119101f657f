"""What was said at run time, as a file."""

from __future__ import annotations

from streamwatchd.daemon.spoken import KEEP_MS, Spoken, entries_of

ENDS_MS = 1_772_431_200_000
ENTRY = {"silence": "a", "rules": ["hot"], "until": "2026-03-02T06:00:00Z", "reason": "works"}
ACK = {"ack": "k", "rule": "hot", "by": "anna", "at": "2026-03-02T06:00:00Z"}


def test_silences_and_acknowledgements_come_and_go() -> None:
    """The last that goes leaves nothing."""
    spoken = Spoken()
    assert (spoken.silences, spoken.acks) == ((), ())
    spoken.begin(spoken.with_silence(ENTRY, ENDS_MS))
    spoken.begin(spoken.with_silence({**ENTRY, "silence": "b"}, ENDS_MS))
    spoken.begin(spoken.with_ack(ACK, ENDS_MS))
    assert ([each["silence"] for each in spoken.silences], spoken.acks) == (["a", "b"], (ACK,))
    spoken.begin(spoken.without("a", ENDS_MS))
    assert [each["silence"] for each in spoken.silences] == ["b"]
    assert spoken.without("b", ENDS_MS + KEEP_MS + 1) == b""


def test_what_is_long_over_goes_when_another_comes() -> None:
    """Events may come a day after they happened."""
    spoken = Spoken()
    spoken.begin(spoken.with_silence(ENTRY, 0))
    later = {**ENTRY, "silence": "later", "until": "2027-01-01T00:00:00Z"}
    assert len(entries_of(spoken.with_silence(later, ENDS_MS + KEEP_MS - 1), "silences")) == 2
    assert len(entries_of(spoken.with_silence(later, ENDS_MS + KEEP_MS + 1), "silences")) == 1


def test_a_time_that_can_not_be_read_is_for_the_reader_of_the_file() -> None:
    """It is refused there, with its place."""
    assert len(entries_of(Spoken().with_silence({**ENTRY, "until": "soon"}, ENDS_MS), "silences")) == 1
