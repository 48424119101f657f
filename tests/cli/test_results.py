"""The files that a dry run writes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from streamwatchd.cli.results import FILES, Results, set_apart
from streamwatchd.errors import UnreadableInput
from streamwatchd.shard.output import Output, Sink

HEADERS = (("source", "web"), ("topic", "t"), ("partition", "1"), ("offset", "7"), ("reason", "bad_json: x"))


def alert(event: str, state: str, ends_at: str | None = None) -> Output:
    document: dict[str, object] = {"rule": "r", "id": "i", "event": event, "state": state, "ends_at": ends_at}
    return Output(Sink.ALERTS, None, document)


def test_all_four_files_are_there_whatever_comes(tmp_path: Path) -> None:
    """Empty ones too, so that scripts need not look."""
    with Results(tmp_path / "new" / "folder"):
        pass
    assert {path.name for path in (tmp_path / "new" / "folder").iterdir()} == set(FILES.values())


def test_what_is_set_apart_keeps_its_bytes_and_says_why(tmp_path: Path) -> None:
    """As text where it is text; the coordinates are numbers."""
    output = Output(Sink.DEAD_LETTERS, None, b"\xff\x00", HEADERS)
    assert set_apart(output) == {
        "source": "web", "topic": "t", "partition": 1, "offset": 7, "reason": "bad_json: x",
        "key": None, "value_base64": "/wA=",
    }  # fmt: skip
    assert set_apart(Output(Sink.LATE, b"k", b"{}", HEADERS))["value"] == "{}"
    with Results(tmp_path) as results:
        results.write([output])
    assert json.loads((tmp_path / "dead_letters.ndjson").read_text())["offset"] == 7
    assert results.tally.dead_letters == {"bad_json": 1}


def test_alarms_that_have_no_end_yet_are_remembered(tmp_path: Path) -> None:
    """From their first event to their last."""
    with Results(tmp_path) as results:
        results.write([alert("fired", "firing")])
        assert set(results.tally.firing) == {"i"}
        results.write([alert("resolved", "resolved", "now")])
    assert results.tally.firing == {}
    assert results.tally.alerts == {("r", "fired"): 1, ("r", "resolved"): 1}


def test_outputs_of_other_topics_are_not_written(tmp_path: Path) -> None:
    """Enriched events are for the daemon."""
    with Results(tmp_path) as results:
        results.write([Output(Sink.ENRICHED, None, {"a": 1})])
    assert all(not path.read_bytes() for path in tmp_path.iterdir())


def test_a_folder_that_cannot_be_is_said(tmp_path: Path) -> None:
    """With its path."""
    (tmp_path / "file").touch()
    with pytest.raises(UnreadableInput, match="nothing can be written"):
        Results(tmp_path / "file")
