"""What was said at run time, as a file."""

from __future__ import annotations

from streamwatchd.daemon.spoken import KEEP_MS, Spoken, entries_of

ENDS_MS = 1_772_431_200_000
ENTRY = {"silence": "a", "rules": ["hot"], "until": "2026-03-02T06:00:00Z", "reason": "works"}


def test_silences_come_and_go() -> None:
    """The last that goes leaves nothing."""
    spoken = Spoken()
    assert spoken.entries == ()
    spoken.begin(spoken.with_entry(ENTRY, ENDS_MS))
    spoken.begin(spoken.with_entry({**ENTRY, "silence": "b"}, ENDS_MS))
    assert [each["silence"] for each in spoken.entries] == ["a", "b"]
    spoken.begin(spoken.without("a"))
    assert [each["silence"] for each in spoken.entries] == ["b"]
    assert spoken.without("b") == b""


def test_what_is_long_over_goes_when_another_comes() -> None:
    """Events may come a day after they happened."""
    spoken = Spoken()
    spoken.begin(spoken.with_entry(ENTRY, 0))
    later = {**ENTRY, "silence": "later", "until": "2027-01-01T00:00:00Z"}
    assert len(entries_of(spoken.with_entry(later, ENDS_MS + KEEP_MS - 1))) == 2
    assert len(entries_of(spoken.with_entry(later, ENDS_MS + KEEP_MS + 1))) == 1
