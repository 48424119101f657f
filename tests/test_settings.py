"""Where the daemon speaks of itself."""

from __future__ import annotations

import pytest

from streamwatchd.settings import Topics


@pytest.mark.parametrize(("said", "topic"), [("", "a"), ("off", ""), ("own", "own")])
def test_self_alerts_go_with_the_others_unless_told(said: str, topic: str) -> None:
    """Nothing said: the alerts topic."""
    assert Topics(alerts="a", self_alerts=said).of_self_alerts == topic


def test_heartbeats_have_a_topic_or_none() -> None:
    """Never the alerts topic by itself."""
    assert Topics().of_heartbeat == "streamwatchd.heartbeat"
    assert Topics(heartbeat="off").of_heartbeat == ""
