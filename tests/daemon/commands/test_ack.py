"""`ack`: said, checked, put in force."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from streamwatchd.control import CommandRefused
from tests.daemon.commands.test_silence import setting


def test_an_acknowledgement_is_in_force_when_the_answer_comes(tmp_path: Path) -> None:
    """With who knows, and when it was said."""
    it = setting(tmp_path)
    answer = it.run("ack", rule="hot", keys={"k": "a", "n": "5"}, by="anna", note="on it")
    assert answer["version"] == 1
    (entry,) = it.context.spoken.acks
    assert answer["ack"] == entry
    assert (entry["where"], entry["by"], entry["note"]) == ('k == "a" and n == 5', "anna", "on it")
    assert it.run("ack", rule="hot", by="bob")["ack"]["ack"] != entry["ack"]


@pytest.mark.parametrize(
    ("said", "why"), [({"rule": "hto"}, "no alarm has the name `hto`.*hot"), ({"keys": {"rack": "1"}}, "rack")]
)
def test_what_is_of_nothing_is_refused(tmp_path: Path, said: dict[str, Any], why: str) -> None:
    """And nothing changes."""
    it = setting(tmp_path)
    with pytest.raises(CommandRefused, match=why):
        it.run("ack", **{"rule": "hot", "by": "anna", **said})
    assert (it.context.spoken.content, it.reloader.forced) == (b"", 0)
