"""Stretches that are not normal: by labels and by alarms."""

from __future__ import annotations

from pathlib import Path

import pytest

from streamwatchd.errors import UnreadableInput
from streamwatchd.training.spans import Span, at_ms, fired, read_labels, within
from tests.models.rhythms import EVERY_MS, START_MS, traffic


def test_labels_are_lines_of_json(tmp_path: Path) -> None:
    path = tmp_path / "labels.ndjson"
    path.write_text(
        '{"begin": "2026-01-05T10:00:00Z", "end": "2026-01-05T11:00:00+01:00", "key": {"link": "a"}}\n\n'
        '{"begin": "2026-01-05T10:00:00", "end": "2026-01-05T10:00:01", "note": "all of them"}\n'
    )
    ten = at_ms("2026-01-05T10:00:00Z")
    assert read_labels(path) == [Span(ten, ten, {"link": "a"}), Span(ten, ten + 1000, {})]


@pytest.mark.parametrize("line", ["{", '{"begin": "x", "end": "y"}', '{"start": "2026-01-05", "end": "2026-01-05"}'])
def test_a_wrong_label_is_told_with_its_line(tmp_path: Path, line: str) -> None:
    path = tmp_path / "labels.ndjson"
    path.write_text(f"\n{line}\n")
    with pytest.raises(UnreadableInput, match=r"labels\.ndjson:2: .*; write \{"):
        read_labels(path)


def test_rows_whose_window_meets_a_span_of_their_key() -> None:
    """By the names that both have: a span of another dimension is for all keys."""
    history = traffic(0.1, keys=2)
    begin = START_MS + 10 * EVERY_MS
    one = within(history, ("link",), [Span(begin + 1, begin + 2, {"link": "k1", "device": "d"})], EVERY_MS)
    assert [(history.keys[history.key[row]], int(history.ends_ms[row])) for row in one.nonzero()[0]] == [
        (("k1",), begin + EVERY_MS)
    ]
    assert within(history, ("link",), [Span(begin, begin + EVERY_MS, {"site": "s"})], EVERY_MS).sum() == 2


@pytest.mark.parametrize("said", [443, "443", 443.0])
def test_numbers_are_met_by_their_text(said: str | float) -> None:
    """Whether a person or a program says the key."""
    assert Span(0, 1, {"port": said}).fits(("port",), (443.0,))
    assert not Span(0, 1, {"port": said}).fits(("port",), (80.0,))
    assert Span(0, 1, {"up": "true"}).fits(("up",), (True,))


def test_alarms_fire_from_their_start_until_they_resolve() -> None:
    def alert(id_: str, state: str, at: str, rule: str = "site_down") -> dict[str, object]:
        starts = "2026-01-05T10:00:00.000Z"
        return {
            "rule": rule,
            "id": id_,
            "state": state,
            "at": at,
            "starts_at": starts,
            "ends_at": None,
            "key": {"a": id_},
        }

    alerts = [
        alert("1", "firing", "2026-01-05T10:05:00.000Z"),
        alert("2", "firing", "2026-01-05T10:05:00.000Z"),
        alert("3", "firing", "2026-01-05T10:05:00.000Z", "another"),
        alert("1", "resolved", "2026-01-05T10:30:00.000Z"),
    ]
    ten = at_ms("2026-01-05T10:00:00Z")
    assert list(fired(alerts, frozenset({"site_down"}), until_ms=ten + 9)) == [
        Span(ten, ten + 1_800_000, {"a": "1"}),
        Span(ten, ten + 9, {"a": "2"}),
    ]
