"""`takeover`: which shards, and when not."""

from __future__ import annotations

from dataclasses import replace

import pytest

from streamwatchd.control import CommandRefused
from tests.daemon.commands.setting import Setting


def test_shards_are_taken_over_by_number() -> None:
    """The supervisor says which were not here."""
    setting = Setting()
    setting.context = replace(
        setting.context, settings=replace(setting.context.settings, snapshot_store="s3://b/x", shards=4)
    )
    asked: list[tuple[tuple[int, ...], str]] = []
    setting.supervisor.take_over = lambda shards, why: asked.append((shards, why)) or (3,)  # type: ignore[attr-defined]
    assert setting.run("takeover", shards=[3, 1, 3]) == {"taken": [3], "here": [0, 1]}
    assert asked == [((1, 3), "by command")]


@pytest.mark.parametrize(
    ("store", "shards", "words"),
    [("", [1], "need a `snapshot_store`"), ("s3://b/x", [9], "not 9"), ("s3://b/x", [], "not none")],
)
def test_what_can_not_be_taken_over_is_refused(store: str, shards: list[int], words: str) -> None:
    """Without a store there is nothing to take over from."""
    setting = Setting()
    setting.context = replace(setting.context, settings=replace(setting.context.settings, snapshot_store=store))
    with pytest.raises(CommandRefused, match=words):
        setting.run("takeover", shards=shards)
